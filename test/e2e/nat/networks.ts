/** Clients behind NATs and a server in the Internet. */
import { expect } from 'chai';
import koffi from 'koffi';
import { inNamespace } from '../../../lab/backend/netns/enter.js';
import { type Lab, parseTopology, type Topology } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import type { NatType } from '../../../lab/topology/topology.js';
import type { SessionStatus } from '../../../src/core/status.js';
import { statusOf } from '../mpip/hosts.js';
import { STREAM_PORT, type Stream } from '../mpip/stream.js';

export const SERVER = '203.0.113.10';
export const NAT_TYPES: readonly NatType[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'];

interface NatsOptions {
  /** Further keys of both NATs. */
  readonly nat?: string;
  /** Settings of both nodes. */
  readonly mpip?: string;
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** A client with two interfaces behind a NAT each, 40 and 20 Mbit/s. */
export function differentNats(type: NatType, { nat = '', mpip = '{}', sysctls = {} }: NatsOptions = {}): Topology {
  const host = `{ kind: host, mpip: ${mpip}, sysctls: ${JSON.stringify(sysctls)} }`;
  const router = `{ kind: router, nat: { type: ${type}, outside: wan${nat} } }`;
  return parseTopology(
    `
name: different-nats
nodes:
  client: ${host}
  home: ${router}
  mobile: ${router}
  internet: { kind: switch, subnet: 203.0.113.0/24 }
  server: ${host}
links:
  wifi: { ends: [client:wlan0, home:lan], subnet: 192.168.1.0/24, rate: 40mbit }
  lte: { ends: [client:wwan0, mobile:lan], subnet: 100.64.0.0/24, rate: 20mbit }
  home: { ends: [home:wan, internet:p0], addresses: { home: 203.0.113.1/24 } }
  mobile: { ends: [mobile:wan, internet:p1], addresses: { mobile: 203.0.113.2/24 } }
  server: { ends: [server:eth0, internet:p2], addresses: { server: ${SERVER}/24 } }
`,
    'different-nats.yaml',
  );
}

/** Two clients with one interface each, behind one NAT or each behind its own. The second one may be a plain host. */
export function twoClients(nats: 'one' | 'two', second: 'mpip' | 'plain'): Topology {
  const nat = (outside: string) => `{ kind: router, nat: { type: port-restricted, outside: ${outside} } }`;
  const other = nats === 'one' ? 'home' : 'office';
  return parseTopology(
    `
name: two-clients
nodes:
  client: { kind: host, mpip: {} }
  other: { kind: host${second === 'mpip' ? ', mpip: {}' : ''} }
  home: ${nat('wan')}
  ${nats === 'two' ? `office: ${nat('wan')}` : ''}
  internet: { kind: switch, subnet: 203.0.113.0/24 }
  server: { kind: host, mpip: {} }
links:
  client: { ends: [client:eth0, home:lan0], subnet: 192.168.1.0/24, rate: 40mbit }
  other: { ends: [other:eth0, ${other}:lan1], subnet: 192.168.2.0/24, rate: 40mbit }
  home: { ends: [home:wan, internet:p0], addresses: { home: 203.0.113.1/24 } }
  ${nats === 'two' ? 'office: { ends: [office:wan, internet:p1], addresses: { office: 203.0.113.2/24 } }' : ''}
  server: { ends: [server:eth0, internet:p2], addresses: { server: ${SERVER}/24 } }
`,
    'two-clients.yaml',
  );
}

/** Resolves when the node has so many live paths. */
export async function livePaths(lab: Lab, node: string, count: number): Promise<void> {
  await statusOf(lab.node(node), ({ paths }) => {
    const live = paths.filter(({ state }) => state === 'live').length;
    return live === count ? null : `${live} live paths, not ${count}`;
  });
}

/** Resolves when each node has a session with the port in the state; returns the last node's. */
export async function sessionIs(
  lab: Lab,
  nodes: readonly string[],
  port: number,
  state: SessionStatus['state'] = 'mpip',
): Promise<SessionStatus> {
  let found: SessionStatus | undefined;
  for (const node of nodes) {
    await statusOf(lab.node(node), ({ sessions }) => {
      found = newestOf(sessions, port);
      return found?.state === state ? null : `the session is ${found?.state ?? 'unknown'}, not ${state}`;
    });
  }
  return found!;
}

function newestOf(sessions: readonly SessionStatus[], port: number): SessionStatus | undefined {
  return sessions
    .filter(({ source, destination }) => source.port === port || destination.port === port)
    .toSorted((x, y) => x.idleUs - y.idleUs)[0];
}

/** Bytes over which a stream's use of paths is judged, and the least that each has to carry. */
const JUDGED_BYTES = 2e6;
const LEAST_SHARE = 0.1;
const PATIENCE_MS = 15_000;

/** Resolves when a stream is MPIP's at both ends, and its bytes take both of the client's interfaces. */
export async function usesBothInterfaces(lab: Lab, stream: Stream, direction: 'up' | 'down'): Promise<void> {
  await sessionIs(lab, ['client', 'server'], STREAM_PORT);
  // A daemon that has just started finds the paths' rates out first.
  const reason = await waitUntil(async () => {
    const shares = await interfaceShares(lab, stream, direction);
    return Math.min(...shares) > LEAST_SHARE ? null : `the interfaces' shares are ${shares.join(' and ')}`;
  }, PATIENCE_MS);
  expect(reason).to.equal(null);
}

/** Bytes on each interface of the client for a byte of the stream. */
export async function interfaceShares(lab: Lab, stream: Stream, direction: 'up' | 'down'): Promise<number[]> {
  const read = () =>
    lab
      .node('client')
      .counters()
      .filter((own) => own.interface.startsWith('w'))
      .map(({ rxBytes, txBytes }) => (direction === 'up' ? txBytes : rxBytes));
  const before = { bytes: stream.received, interfaces: read() };
  await stream.flows(JUDGED_BYTES);
  const bytes = stream.received - before.bytes;
  return read().map((now, i) => (now - before.interfaces[i]!) / bytes);
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
/** IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK; without attributes it is about all connections. */
const DELETE_CONNECTIONS = (1 << 8) | 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number;
const send = libc.func('int64_t send(int, void*, size_t, int)') as (
  fd: number,
  b: Buffer,
  n: number,
  f: number,
) => number;
const recv = libc.func('int64_t recv(int, void*, size_t, int)') as (
  fd: number,
  b: Buffer,
  n: number,
  f: number,
) => number;
const close = libc.func('int close(int)') as (fd: number) => number;

/** A router forgets all connections, as after a restart (`conntrack -F`). */
export function forgetConnections(lab: Lab, router: string): void {
  // struct nlmsghdr, struct nfgenmsg
  const message = Buffer.alloc(20);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(DELETE_CONNECTIONS, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
  const answer = Buffer.alloc(64);
  const fd = inNamespace(`${lab.name}-${router}`, () => socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
  expect(fd).to.be.greaterThan(-1);
  send(fd, message, message.length, 0);
  recv(fd, answer, answer.length, 0);
  close(fd);
  expect(answer.readInt32LE(16), 'errno of ctnetlink').to.equal(0);
}
