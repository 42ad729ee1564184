/** Datagrams at an even rate that the server sends back: what a call or a game sees of a network. */
import { Agent } from '../agent.js';
import { program } from '../program.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { Arrivals, ClientReport, UDP_ECHO_METRICS, udpEchoOutcome } from './report.js';

export interface UdpEchoWorkload extends WorkloadBase {
  readonly type: 'udp-echo';
  readonly from: string;
  readonly to: string;
  /** bit/s of payload. */
  readonly rate: number;
  /** Bytes of payload of a datagram. */
  readonly size: number;
  /** Seconds. */
  readonly duration: number;
}

const SLACK_MS = 15_000;

export const udpEcho: WorkloadKind<UdpEchoWorkload> = {
  programs: () => [],
  headline: ['loss', 'rtt_median_s', 'forward_gap_s'],
  metrics: () => UDP_ECHO_METRICS,
  flow: ({ from, to }) => ({ client: from, server: to, reverse: false, transport: 'udp', greedy: false }),
  duration: ({ duration }) => duration,
  withDuration: (workload, duration) => ({ ...workload, duration }),
  async run({ from, to, rate, size, duration }, { lab, target, port, signal, ready }) {
    const intervalUs = (size * 8 * 1e6) / rate;
    const count = Math.max(1, Math.round((duration * 1e6) / intervalUs));
    const family = target.includes(':') ? '6' : '4';
    const echoing = program('./server', import.meta.url, [String(port), family]);
    const words = [port, size, intervalUs, count].map(String);
    await using server = await Agent.start(lab.node(to), echoing, Arrivals, { signal });
    const sending = program('./client', import.meta.url, [target, ...words]);
    await using client = await Agent.start(lab.node(from), sending, ClientReport, { signal });
    await ready();
    client.go();
    const report = await client.result(duration * 1000 + SLACK_MS);
    return udpEchoOutcome(size, report, await server.finish(SLACK_MS));
  },
};
