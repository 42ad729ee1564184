/** What carries a path: UDP, a fake TCP connection where UDP goes unanswered, and UDP again when it works. */
import type { Endpoint } from '../io.js';
import type { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import type { NodeContext } from './context.js';
import type { TcpCarrier } from './tcp-carrier.js';

/**
 * Probes by UDP without an answer after which a path is tried by TCP: by the node with the smaller id, and by the other one, for which it may
 * be the only one that can begin (NAT).
 */
const UDP_PROBES = { first: 3, second: 5 } as const;

export class TransportChoice {
  constructor(
    private readonly context: NodeContext,
    private readonly connections: TcpCarrier,
  ) {}

  /** UDP goes unanswered between the path's addresses: after some patience a connection takes its place, unless there is one. */
  consider(path: Path, now: number): void {
    const { peer, local, remote, state } = path;
    const { transport, port } = this.context.config;
    if (transport === 'udp' || path.connection !== undefined || state === 'live' || state === 'suspect') return;
    // Nodes listen on one port alone; a hello, which has no tag, may say what it likes.
    if (remote.port !== port || !peer.isNamed(remote)) return;
    if (pathsByTcp(path).some((other) => other.state !== 'dead')) return;
    const isFirst = this.prevails(peer);
    const patience = transport === 'tcp' ? (isFirst ? 1 : UDP_PROBES.first) : UDP_PROBES[isFirst ? 'first' : 'second'];
    if (path.unanswered >= patience) this.connections.open(local, remote, now);
  }

  /** A path by TCP has ended: that by UDP between its addresses, which does not work, asks for another. */
  replace({ peer, local, remote }: Path, now: number): void {
    const path = pathByUdp(peer, local.id, remote);
    if (path !== undefined && this.context.peers.get(peer.key) === peer) this.consider(path, now);
  }

  /**
   * The paths by TCP that are not needed when this one has become live: UDP works where a connection did its work, or both sides have opened
   * one. What is being opened in vain ends at once.
   */
  superfluous(path: Path, now: number): Path[] {
    const { peer, local, remote, connection } = path;
    if (connection === undefined) {
      const opened = this.connections.openedTo(local, remote);
      if (opened !== undefined && !opened.isPath) this.connections.abort(opened, now);
      return pathsByTcp(path);
    }
    if (pathByUdp(peer, local.id, remote)?.state === 'live') return [path];
    const keptIsOpener = this.prevails(peer);
    const candidates = [path, ...pathsByTcp(path)].filter(({ state }) => state === 'live');
    const isKept = (candidate: Path): boolean => candidate.connection?.isOpener === keptIsOpener;
    return candidates.some(isKept) ? candidates.filter((candidate) => !isKept(candidate)) : [];
  }

  /** Of two nodes that begin the same the one with the smaller id does it. */
  private prevails(peer: Peer): boolean {
    return this.context.key >>> 0 < peer.key >>> 0;
  }
}

/** That of a peer between two endpoints. */
export function pathByUdp(peer: Peer, local: number, { address, port }: Endpoint): Path | undefined {
  return peer.paths.find(
    (path) =>
      path.connection === undefined &&
      path.local.id === local &&
      path.remote.address === address &&
      path.remote.port === port,
  );
}

/** The other paths by TCP between the addresses of a path. */
export function pathsByTcp(path: Path): Path[] {
  const { peer, local, remote } = path;
  return peer.paths.filter(
    (other) =>
      other !== path &&
      other.connection !== undefined &&
      other.local.id === local.id &&
      other.remote.address === remote.address,
  );
}
