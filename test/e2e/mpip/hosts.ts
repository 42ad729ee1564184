/** Two hosts, a and b, with mpipd and two links of their own between them. */
import { type Lab, type LabNode, type MpipDaemon, parseTopology, type Topology } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import type { SessionStatus } from '../../../src/core/status.js';
import { ControlError, type DaemonStatus } from '../../../src/daemon/api.js';

/** Where applications reach the hosts: their addresses on the first link. */
export const ADDRESS = { a: '10.1.0.1', b: '10.1.0.2' } as const;

export interface HostsOptions {
  /** bit/s of each link; default: as fast as the machine. */
  readonly rates?: readonly [number, number];
  readonly sysctls?: Readonly<Record<string, string>>;
}

export const FIG4A_RATES = [40e6, 20e6] as const;

export function twoHosts({ rates, sysctls = {} }: HostsOptions = {}): Topology {
  const node = { kind: 'host', mpip: {}, sysctls };
  const links = ['10.1.0.0/24', '10.2.0.0/24'].map((subnet, i) => ({
    ends: [`a:eth${i}`, `b:eth${i}`],
    subnet,
    ...(rates && { rate: `${rates[i]}bit` }),
  }));
  const topology = { name: 'two-hosts', nodes: { a: node, b: node }, links: { path1: links[0], path2: links[1] } };
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

/** The TCP sessions of the streams' port. */
export function streamSessions({ sessions }: DaemonStatus): SessionStatus[] {
  return sessions.filter(
    ({ protocol, source, destination }) => protocol === 'tcp' && (source.port === 5000 || destination.port === 5000),
  );
}
