/** One iperf3 transfer between two nodes of a lab. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabCommandError, LabError } from '../error.js';
import type { LabNode } from '../running/node.js';
import { failureOf, Iperf3Error, type Iperf3Result, resultOf } from './iperf3-report.js';
import { listening } from './listening.js';
import type { WorkloadBase, WorkloadKind } from './workload.js';

/** The machine's default, which programs have that do not choose. */
export const SYSTEM_CONGESTION = 'system';

/** A client that sends ends the test when its last byte is in its socket, and what is under way is thrown away. */
export const SIZE_NEEDS_REVERSE = 'a size needs "reverse: true": only a client that receives waits for the last byte';

export interface Iperf3Workload extends WorkloadBase {
  readonly type: 'iperf3';
  /** Nodes: the client, which starts the transfer, and the server. */
  readonly from: string;
  readonly to: string;
  readonly protocol: 'tcp' | 'udp';
  /** Of the sender: named, since the machine's default differs from host to host, or SYSTEM_CONGESTION. Unused by UDP. */
  readonly congestion: string;
  /** Seconds; null = until `size` has come. */
  readonly duration: number | null;
  /** Bytes over all flows, in place of a time; with `reverse` only. */
  readonly size?: number | undefined;
  /** The server sends. */
  readonly reverse: boolean;
  /** Flows at the same time. */
  readonly parallel: number;
  /** bit/s over all flows: UDP sends at this rate, TCP at most; null = as fast as it goes (TCP only). */
  readonly rate: number | null;
  /** Seconds that each point of its series stands for; default 0.5. */
  readonly interval?: number | undefined;
}

export interface Iperf3Run {
  readonly client: LabNode;
  readonly server: LabNode;
  /** Address of the server that the client connects to. */
  readonly target: string;
  /** Sockets of both sides are MPTCP's (IPPROTO_MPTCP, through mptcpize). */
  readonly mptcp: boolean;
  readonly port?: number;
  readonly signal?: AbortSignal;
  /** Called when the server listens and the client is about to start, which it does when this has resolved. */
  readonly onStart?: () => void | Promise<void>;
}

const DEFAULT_PORT = 5201;
const INTERVAL_SECONDS = 0.5;
const CONNECT_TIMEOUT_MS = 5000;
/** What iperf3 hands to a socket at once, and so the least that it sends. */
const BLOCK_BYTES = 128 << 10;
/** A transfer over a full queue, and the exchange of results after it, outlast the duration by this much at most. */
const SLACK_MS = 15_000;

const METRICS = ['goodput_bps', 'received_bytes', 'duration_s'];

export const iperf3: WorkloadKind<Iperf3Workload> = {
  programs: () => ['iperf3', 'ss'],
  headline: ['goodput_bps'],
  metrics: ({ protocol }) => [...METRICS, ...(protocol === 'tcp' ? ['retransmissions'] : ['loss', 'jitter_s'])],
  series: { goodput: 'bit/s' },
  flow: ({ from, to, reverse, protocol, rate }) => ({
    client: from,
    server: to,
    reverse,
    transport: protocol,
    greedy: protocol === 'udp' || rate === null,
  }),
  duration: ({ duration }) => duration,
  // iperf3 takes whole seconds.
  withDuration: (workload, seconds) =>
    workload.duration === null ? workload : { ...workload, duration: Math.max(1, Math.round(seconds)) },
  async run(workload, { lab, target, port, mptcp, signal, ready }) {
    const [client, server] = [lab.node(workload.from), lab.node(workload.to)];
    const transfer = await runIperf3(workload, { client, server, target, mptcp, port, signal, onStart: ready });
    return {
      metrics: { ...transfer.metrics },
      series: [{ name: 'goodput', unit: 'bit/s', points: transfer.goodput.map(([t, v]) => [t, v]) }],
      versions: { iperf3: transfer.version.replace(/^iperf /, '') },
    };
  },
};

/** Runs the transfer to its end. Throws Iperf3Error with iperf3's own words. */
export async function runIperf3(workload: Iperf3Workload, run: Iperf3Run): Promise<Iperf3Result> {
  const { client, server, target, mptcp, port = DEFAULT_PORT, signal } = run;
  const abort = signal === undefined ? {} : { signal };
  const serverCommand = serverCommandOf(port, mptcp, workload.interval);
  const clientCommand = clientCommandOf(workload, target, port, mptcp);
  // Reports of many flows outgrow what a process keeps in memory, so the server's goes to a file.
  const directory = await mkdtemp(join(tmpdir(), 'mpip-iperf3-'));
  try {
    const reportFile = join(directory, 'server.json');
    await using process = await server.spawn(serverCommand, { stdout: reportFile, ...abort });
    await listening(server, port, process, signal).catch(async (cause: unknown) => {
      signal?.throwIfAborted();
      const reason = failureOf(await readFile(reportFile, 'utf8')) ?? 'it did not listen';
      throw new Iperf3Error(server.name, serverCommand, reason, process.stderr, { cause });
    });
    await run.onStart?.();
    // One of a size lasts as long as it takes; iperf3 itself gives up after two minutes without a byte.
    const limit = workload.duration === null ? {} : { timeoutMs: workload.duration * 1000 + SLACK_MS };
    const clientReport = await reportFrom(client, clientCommand, { ...limit, ...abort });
    // With -1 the server ends by itself once the client has its results.
    await process.exited;
    const serverReport = await readFile(reportFile, 'utf8');
    const reason = failureOf(serverReport);
    if (reason !== null) throw new Iperf3Error(server.name, serverCommand, reason, process.stderr);
    return resultOf(clientReport, serverReport);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Command line of a server for one test. */
export function serverCommandOf(port: number, mptcp: boolean, interval = INTERVAL_SECONDS): string[] {
  return asMptcp(mptcp, ['iperf3', '-s', '-1', '-J', '-i', String(interval), '-p', String(port)]);
}

/** Command line of the client. Throws LabError E_LAB_WORKLOAD when the workload contradicts itself. */
export function clientCommandOf(workload: Iperf3Workload, target: string, port: number, mptcp: boolean): string[] {
  const { name, protocol, congestion, reverse, parallel, rate, interval = INTERVAL_SECONDS } = workload;
  const command = ['iperf3', '-c', target, '-p', String(port), '-J', '-i', String(interval)];
  command.push(...lengthOf(workload), '-P', String(parallel), '--connect-timeout', String(CONNECT_TIMEOUT_MS));
  if (protocol === 'tcp') {
    if (congestion !== SYSTEM_CONGESTION) command.push('-C', congestion);
  } else {
    if (rate === null) throw new LabError('E_LAB_WORKLOAD', `workload ${name}: UDP needs a rate`);
    if (mptcp) throw new LabError('E_LAB_WORKLOAD', `workload ${name}: MPTCP carries no UDP`);
    command.push('-u');
  }
  // iperf3 takes the rate of one flow.
  if (rate !== null) command.push('-b', String(Math.round(rate / parallel)));
  if (reverse) command.push('-R');
  return asMptcp(mptcp, command);
}

function lengthOf({ name, duration, size, protocol, reverse }: Iperf3Workload): string[] {
  const refuse = (why: string): never => {
    throw new LabError('E_LAB_WORKLOAD', `workload ${name}: ${why}`);
  };
  if (size === undefined) return duration === null ? refuse('no duration, no size') : ['-t', String(duration)];
  if (duration !== null) refuse('a duration and a size');
  if (protocol === 'udp') refuse('UDP sends for a time');
  if (!reverse) refuse(SIZE_NEEDS_REVERSE);
  return ['-n', String(size), ...(size < BLOCK_BYTES ? ['-l', String(size)] : [])];
}

function asMptcp(mptcp: boolean, command: string[]): string[] {
  return mptcp ? ['mptcpize', 'run', ...command] : command;
}

/** iperf3's reason is in its report, whether its exit status says failure or not. */
async function reportFrom(
  client: LabNode,
  command: readonly string[],
  options: { timeoutMs?: number; signal?: AbortSignal },
): Promise<string> {
  let stdout: string;
  let stderr: string;
  try {
    ({ stdout, stderr } = await client.exec(command, options));
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (!(cause instanceof LabCommandError) || cause.exitCode === undefined) throw cause;
    const reason = failureOf(cause.stdout) ?? `exit status ${cause.exitCode}`;
    throw new Iperf3Error(client.name, command, reason, cause.stderr, { cause });
  }
  const reason = failureOf(stdout);
  if (reason !== null) throw new Iperf3Error(client.name, command, reason, stderr);
  return stdout;
}
