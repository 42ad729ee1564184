/** What a NAT does, found from outside of it as RFC 4787 (section 4.1 and 5) and RFC 5780 describe. */
import type { Lab } from '../../../lab/lab.js';
import { type Endpoint, TcpConnection, TcpListener, UdpSocket } from './sockets.js';

/** RFC 4787, sections 4.1 and 5. */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface Behaviour {
  readonly mapping: Dependence;
  readonly filtering: Dependence;
}

/** Two hosts outside, by node name and address, and one inside. */
export interface Probe {
  readonly lab: Lab;
  readonly inside: string;
  readonly servers: readonly [Server, Server];
}

export interface Server {
  readonly node: string;
  readonly address: string;
}

const FIRST_PORT = 3001;
const SECOND_PORT = 3002;
const MAPPING_PORT = 4001;
const FILTERING_PORT = 4002;

export async function udpBehaviour({ lab, inside, servers: [one, two] }: Probe): Promise<Behaviour> {
  using first = await UdpSocket.open(lab, one.node, FIRST_PORT);
  using second = await UdpSocket.open(lab, one.node, SECOND_PORT);
  using other = await UdpSocket.open(lab, two.node, FIRST_PORT);

  using client = await UdpSocket.open(lab, inside, MAPPING_PORT);
  const seen: Endpoint[] = [];
  for (const [socket, address] of [
    [first, one.address],
    [second, one.address],
    [other, two.address],
  ] as const) {
    await client.send('who am I', { address, port: socket.port });
    seen.push((await socket.gets('who am I')).from);
  }

  using target = await UdpSocket.open(lab, inside, FILTERING_PORT);
  await target.send('open', { address: one.address, port: FIRST_PORT });
  const { from } = await first.gets('open');
  await other.send('from another address', from);
  await second.send('from another port', from);
  // Comes last, so that the others would be there when it is.
  await first.send('from where it went', from);
  await target.gets('from where it went');
  const came = new Set(target.received.map(({ text }) => text));
  return {
    mapping: mappingOf(seen),
    filtering: filteringOf(came.has('from another address'), came.has('from another port')),
  };
}

export async function tcpBehaviour({ lab, inside, servers: [one, two] }: Probe): Promise<Behaviour> {
  using first = await TcpListener.open(lab, one.node, FIRST_PORT);
  using second = await TcpListener.open(lab, one.node, SECOND_PORT);
  using other = await TcpListener.open(lab, two.node, FIRST_PORT);
  const connect = async (from: number, { address }: Server, port: number): Promise<TcpConnection> => {
    const connection = new TcpConnection(lab, inside, from, { address, port });
    const outcome = await connection.outcome;
    if (outcome !== 'connected') throw new Error(`${inside} cannot connect to ${address}: ${outcome}`);
    return connection;
  };
  using _toFirst = await connect(MAPPING_PORT, one, FIRST_PORT);
  using _toSecond = await connect(MAPPING_PORT, one, SECOND_PORT);
  using _toOther = await connect(MAPPING_PORT, two, FIRST_PORT);
  const seen = [await first.last(1), await second.last(1), await other.last(1)];

  using _opened = await connect(FILTERING_PORT, one, FIRST_PORT);
  const mapped = await first.last(2);
  using target = await TcpListener.open(lab, inside, FILTERING_PORT);
  using fromOther = new TcpConnection(lab, two.node, SECOND_PORT + 1, mapped);
  using fromSame = new TcpConnection(lab, one.node, SECOND_PORT + 1, mapped);
  // Goes the same way, inside out and back, while they would be answered.
  using _fence = await connect(FILTERING_PORT + 1, one, SECOND_PORT);
  const came = [fromOther, fromSame].map(({ settled }) => {
    if (settled === undefined || settled === 'connected') return settled !== undefined;
    throw new Error(`the NAT answered for somebody inside: ${settled}`);
  }) as [boolean, boolean];
  const accepted = came.filter(Boolean).length;
  if (accepted > 0) await target.last(accepted);
  return { mapping: mappingOf(seen), filtering: filteringOf(...came) };
}

/** Of the endpoints seen by one port, by another of the same address, and by another address. */
function mappingOf(seen: readonly Endpoint[]): Dependence {
  const [first, second, other] = seen.map(({ address, port }) => `${address}:${port}`);
  if (first === second && first === other) return 'endpoint-independent';
  return first === second ? 'address-dependent' : 'address-and-port-dependent';
}

function filteringOf(fromAnotherAddress: boolean, fromAnotherPort: boolean): Dependence {
  if (fromAnotherAddress) return 'endpoint-independent';
  return fromAnotherPort ? 'address-dependent' : 'address-and-port-dependent';
}
