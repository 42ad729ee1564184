import type { Calibration } from '../relay/calibration/direction.js';
import type { CalibrationRecord } from './document.js';

/** A link's calibration as result documents hold it: s and bit/s. */
export function recordCalibration(
  arm: string,
  { from, to, rateBps, delay, traceUs }: Calibration,
  repetition?: number,
): CalibrationRecord {
  return {
    arm,
    ...(repetition !== undefined && { repetition }),
    from,
    to,
    rate_bps: rateBps,
    delay_median_s: delay === null ? null : delay.medianUs / 1e6,
    delay_p99_s: delay === null ? null : delay.p99Us / 1e6,
    trace_s: traceUs === null ? null : traceUs / 1e6,
  };
}
