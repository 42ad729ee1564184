/** Files over HTTP/1.1 from a small server of ours, each over a connection of its own, each checked by SHA-256. */
import { z } from 'zod';
import { Agent } from '../agent.js';
import { program } from '../program.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { BIN_MS, HTTP_METRICS, HttpReport, httpOutcome } from './report.js';

export interface HttpWorkload extends WorkloadBase {
  readonly type: 'http';
  /** Nodes: who gets the file, and who serves it. */
  readonly from: string;
  readonly to: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly requests: number;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Seconds until a request counts as failed. */
  readonly timeout: number;
}

/** For the last request to be given up, and the report to be written. */
const SLACK_MS = 10_000;

export const http: WorkloadKind<HttpWorkload> = {
  programs: () => [],
  headline: ['duration_s', 'goodput_bps'],
  metrics: () => HTTP_METRICS,
  flow: ({ from, to }) => ({ client: from, server: to, reverse: true, transport: 'tcp', greedy: true }),
  duration: () => null,
  withDuration: (workload) => workload,
  async run(workload, { lab, target, port, mptcp, signal, ready }) {
    const { name, size, requests, concurrency, timeout } = workload;
    const timeoutMs = Math.round(timeout * 1000);
    const words = [size, name].map(String);
    const host = target.includes(':') ? `[${target}]` : target;
    const load = [requests, Math.min(requests, concurrency), timeoutMs, BIN_MS].map(String);
    const options = { mptcp, signal };
    const served = program('./server', import.meta.url, [String(port), ...words]);
    const asking = program('./client', import.meta.url, [`http://${host}:${port}/`, ...words, ...load]);
    await using _server = await Agent.start(lab.node(workload.to), served, z.object({}), options);
    await using client = await Agent.start(lab.node(workload.from), asking, HttpReport, options);
    await ready();
    client.go();
    const rounds = Math.ceil(requests / concurrency);
    return httpOutcome(name, await client.result(rounds * timeoutMs + SLACK_MS));
  },
};
