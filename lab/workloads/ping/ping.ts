/** ICMP echo. Multipath IP does not carry ICMP: this measures the original path, next to what other workloads put on it. */
import { LabCommandError } from '../../error.js';
import type { ExecResult } from '../../running/exec.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { PING_METRICS, pingOutcome } from './report.js';

export interface PingWorkload extends WorkloadBase {
  readonly type: 'ping';
  readonly from: string;
  readonly to: string;
  /** Seconds between requests. */
  readonly interval: number;
  /** Bytes of payload. */
  readonly size: number;
  /** Seconds. */
  readonly duration: number;
}

/** A request without an answer for so long is lost; the last one is waited for as well. */
const WAIT_SECONDS = 2;
const SLACK_MS = 10_000;

export const ping: WorkloadKind<PingWorkload> = {
  programs: () => ['ping'],
  headline: ['rtt_median_s', 'rtt_p99_s', 'loss'],
  metrics: () => PING_METRICS,
  flow: ({ from, to }) => ({ client: from, server: to, reverse: false, transport: 'udp', greedy: false }),
  duration: ({ duration }) => duration,
  withDuration: (workload, duration) => ({ ...workload, duration }),
  async run(workload, { lab, target, signal, ready }) {
    const { duration, interval } = workload;
    const command = pingCommand(workload, target);
    await ready();
    const timeoutMs = (duration + WAIT_SECONDS) * 1000 + SLACK_MS;
    const { stdout } = await lab.node(workload.from).exec(command, { signal, timeoutMs }).catch(evenWithoutAnswers);
    return pingOutcome(stdout, interval);
  },
};

/** Command line of iputils' ping. */
export function pingCommand({ duration, interval, size }: PingWorkload, target: string): string[] {
  const count = Math.max(1, Math.round(duration / interval));
  const figures = { '-i': interval, '-c': count, '-s': size, '-W': WAIT_SECONDS };
  return ['ping', '-n', ...Object.entries(figures).flatMap(([flag, value]) => [flag, String(value)]), target];
}

/** Exit status 1: there was no answer at all, which is a result. */
function evenWithoutAnswers(error: unknown): ExecResult {
  if (error instanceof LabCommandError && error.exitCode === 1) return error;
  throw error;
}
