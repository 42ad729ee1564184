import type { ArmResult, ResultDocument, SeriesRecord } from '../../../lab/results/document.js';

const DURATION = 60;
const BIN = 0.5;

const series = (name: string, unit: SeriesRecord['unit'], value: (t: number) => number): SeriesRecord => ({
  name,
  unit,
  points: Array.from({ length: DURATION / BIN }, (_, i) => [(i + 0.5) * BIN, value((i + 0.5) * BIN)]),
});

function arm(label: string, rates: readonly [number, number], goodput: number, limit: number): ArmResult {
  const [one, two] = rates.map((rate) => (t: number) => rate * (1 - Math.exp(-t)) + (rate / 100) * Math.sin(7 * t));
  return {
    label,
    limit_bps: limit,
    metrics: {
      'download.goodput_bps': goodput,
      'path1.rate_bps': rates[0],
      'path2.rate_bps': rates[1],
      'total.rate_bps': rates[0] + rates[1],
      'path1.capacity_bps': 40e6,
      'path2.capacity_bps': 20e6,
    },
    series: [
      series('path1.rate', 'bit/s', one!),
      series('path2.rate', 'bit/s', two!),
      series('total.rate', 'bit/s', (t) => one!(t) + two!(t)),
    ],
  };
}

/** A result as fig4a gives it, with made-up figures. */
export function exampleResult(): ResultDocument {
  const mpip = arm('MPIP', [39.9e6, 19.8e6], 55.2e6, 55.76e6);
  mpip.series.push(
    series('path1.weight', '', (t) => 667 - 167 * Math.exp(-t / 3)),
    series('path2.weight', '', (t) => 333 + 167 * Math.exp(-t / 3)),
  );
  return {
    experiment: 'fig4a',
    title: 'load balancing of one TCP flow over two paths',
    paper: 'Figure 4(a)',
    topology: 'two-paths',
    started: '2026-11-24T06:20:00.000Z',
    duration_s: DURATION,
    settled_s: 10,
    machine: { cpu: 'Example CPU', cores: 2, memory_bytes: 8e9, kernel: '6.18.0' },
    versions: { node: '20.20.0', iperf3: '3.12' },
    parameters: { 'congestion control': 'CUBIC', 'TCP flows': 1 },
    arms: {
      ip: arm('Plain IP on path 1', [40e6, 0], 38.2e6, 38.26e6),
      mpip,
      mptcp: arm('MPTCP', [40e6, 20e6], 56.1e6, 56.43e6),
    },
    links: [
      {
        name: 'path1',
        rate_bps: 40e6,
        delay_s: 0.01,
        mtu_bytes: 1500,
        queue_bytes: 250000,
        emulator: 'relay',
        calibration: [
          {
            arm: 'mpip',
            from: 'a',
            to: 'b',
            rate_bps: 40.02e6,
            delay_median_s: 0.01003,
            delay_p99_s: 0.01009,
            trace_s: null,
          },
        ],
      },
      {
        name: 'path2',
        rate_bps: 20e6,
        delay_s: 0,
        mtu_bytes: 1500,
        queue_bytes: 141384,
        emulator: 'none',
        calibration: [],
      },
    ],
    limit_bps: 55.76e6,
    claims: [
      { text: 'mpip.download.goodput >= 95% * limit', left: 55.2e6, right: 52.97e6, unit: 'bit/s', pass: true },
      { text: 'mpip.download.goodput >= 99.9% * limit', left: 55.2e6, right: 55.7e6, unit: 'bit/s', pass: false },
    ],
    unchecked_claims: ['udp.download.loss < 1%'],
  };
}
