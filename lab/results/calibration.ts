import type { Calibration } from '../relay/calibration/direction.js';
import type { CalibrationRecord } from './document.js';

/** As the document has it, but for the arm before which it was measured. */
export function calibrationRecord(measured: Calibration): Omit<CalibrationRecord, 'arm' | 'repetition'> {
  const { from, to, rateBps, delay, traceUs } = measured;
  return {
    from,
    to,
    rate_bps: rateBps,
    delay_median_s: delay === null ? null : delay.medianUs / 1e6,
    delay_p99_s: delay === null ? null : delay.p99Us / 1e6,
    trace_s: traceUs === null ? null : traceUs / 1e6,
  };
}
