/** Two hosts, a and b, with mpipd and two links of their own between them. */
import { expect } from 'chai';
import { type Lab, type LabNode, type MpipDaemon, parseTopology, type Topology } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import type { Iperf3Workload } from '../../../lab/workloads/iperf3.js';
import type { SessionStatus } from '../../../src/core/status.js';
import { ControlError, type DaemonStatus } from '../../../src/daemon/api.js';
import { STREAM_PORT, type Stream } from './stream.js';

/** Where applications reach the hosts: their addresses on the first link. */
export const ADDRESS = { a: '10.1.0.1', b: '10.1.0.2' } as const;

export interface HostsOptions {
  /** bit/s of each link; default: as fast as the machine, with its offloads. */
  readonly rates?: readonly [number, number];
  /** Of each link. Default: ADDRESS is on the first one. */
  readonly subnets?: readonly [string, string];
  /** Settings of mpipd on a. */
  readonly mpip?: Readonly<Record<string, unknown>>;
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** One TCP flow from a to b, 8 s. */
export const TCP_FLOW: Iperf3Workload = {
  name: 'flow',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: 8,
  reverse: false,
  parallel: 1,
  rate: null,
};

export const FIG4A_RATES = [40e6, 20e6] as const;

const SUBNETS = ['10.1.0.0/24', '10.2.0.0/24'] as const;

export function twoHosts({ rates, subnets = SUBNETS, mpip = {}, sysctls = {} }: HostsOptions = {}): Topology {
  const nodes = { a: { kind: 'host', mpip, sysctls }, b: { kind: 'host', mpip: {}, sysctls } };
  const links = subnets.map((subnet, i) => ({
    ends: [`a:eth${i}`, `b:eth${i}`],
    subnet,
    ...(rates ? { rate: `${rates[i]}bit` } : { offloads: true }),
  }));
  const topology = { name: 'two-hosts', nodes, links: { path1: links[0], path2: links[1] } };
  // YAML holds JSON.
  return parseTopology(JSON.stringify(topology), 'two-hosts.yaml');
}

export function daemonOf(node: LabNode): MpipDaemon {
  if (node.mpip === undefined) throw new Error(`${node.name} has no mpipd`);
  return node.mpip;
}

const PATIENCE_MS = 15_000;

/** Resolves when the daemon's status is as `missing` wants it, which says in words what is not. A daemon that is away is asked again. */
export async function statusOf(node: LabNode, missing: (status: DaemonStatus) => string | null): Promise<DaemonStatus> {
  let status: DaemonStatus | undefined;
  const reason = await waitUntil(async () => {
    try {
      status = await daemonOf(node).status();
    } catch (error) {
      if (error instanceof ControlError) return error.message;
      throw error;
    }
    return missing(status);
  }, PATIENCE_MS);
  if (reason !== null || status === undefined) {
    const { sessions, paths, peers } = status ?? {};
    throw new Error(`${node.name}: ${reason}\n${JSON.stringify({ sessions, paths, peers }, null, 1)}`);
  }
  return status;
}

/** Resolves when both hosts have so many live paths to each other. */
export async function livePaths(lab: Lab, count: number): Promise<void> {
  for (const node of [lab.node('a'), lab.node('b')]) {
    await statusOf(node, ({ paths }) => {
      const live = paths.filter(({ state }) => state === 'live').length;
      return live === count ? null : `${live} live paths, not ${count}`;
    });
  }
}

/** The session of a stream, of those that there were the one that was used last. */
export function streamSession({ sessions }: Pick<DaemonStatus, 'sessions'>): SessionStatus | undefined {
  return sessions
    .filter(({ source, destination }) => source.port === STREAM_PORT || destination.port === STREAM_PORT)
    .toSorted((x, y) => x.idleUs - y.idleUs)[0];
}

/** Bytes that a host has received on each link. */
export function receivedBytes(lab: Lab, node: string): [number, number] {
  const counters = new Map(
    lab
      .node(node)
      .counters()
      .map((own) => [own.interface, own.rxBytes]),
  );
  return [counters.get('eth0') ?? 0, counters.get('eth1') ?? 0];
}

/** Bytes of a stream over which its use of paths is judged: with 40 and 20 Mbit/s 0.3 s. */
const JUDGED_BYTES = 2e6;
const LEAST_SHARE = 0.1;

/** Resolves when both hosts have the stream as an MPIP session. Throws when its bytes do not take both paths then. */
export async function usesBothPaths(lab: Lab, stream: Stream, receiver: string): Promise<void> {
  for (const node of [lab.node('a'), lab.node('b')]) {
    await statusOf(node, (status) => {
      const state = streamSession(status)?.state;
      return state === 'mpip' ? null : `the session is ${state ?? 'unknown'}, not mpip`;
    });
  }
  const shares = await pathShares(lab, stream, receiver);
  expect(Math.min(...shares), `the paths' shares are ${shares.join(' and ')}`).to.be.greaterThan(LEAST_SHARE);
}

/** Bytes that each link brings for a byte of the stream. */
export async function pathShares(lab: Lab, stream: Stream, receiver: string): Promise<[number, number]> {
  const before = { bytes: stream.received, links: receivedBytes(lab, receiver) };
  await stream.flows(JUDGED_BYTES);
  const links = receivedBytes(lab, receiver);
  const bytes = stream.received - before.bytes;
  return [(links[0] - before.links[0]) / bytes, (links[1] - before.links[1]) / bytes];
}
