/** The tables of a node as plain data. */
import type { AvailabilityStatus, NodeStatus, PathStatus, PeerStatus, SessionStatus } from '../status.js';
import type { AvailabilityEntry } from '../tables/availability.js';
import type { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import type { Session } from '../tables/sessions.js';
import * as tcp from '../wire/tcp.js';
import type { NodeContext } from './context.js';
import { addressText } from './handshake.js';

const BPS_OF_BYTE_PER_US = 8_000_000;

export function describe(context: NodeContext, availability: Iterable<AvailabilityEntry>, now: number): NodeStatus {
  const { config, counters, peers, rules, sessions } = context;
  const entries: AvailabilityStatus[] = Array.from(availability, (entry) => entry.status());
  return {
    node: hex(config.nodeId),
    port: config.port,
    scheduler: config.scheduler,
    reorder: `tcp ${config.reorder.tcp}, udp ${config.reorder.udp}`,
    authentication: config.authentication,
    counters: { ...counters },
    availability: entries,
    peers: Array.from(peers.values(), describePeer),
    sessions: Array.from(sessions, (session) => describeSession(session, now)),
    paths: Array.from(peers.values(), ({ paths }) => paths)
      .flat()
      // By TCP alone, a path by UDP is no more than what asks for a connection.
      .filter(({ transport }) => config.transport !== 'tcp' || transport === 'tcp')
      .map((path) => describePath(context, path)),
    rules: [...rules.active, rules.rest].map(({ rule, packets, bytes }) => ({ name: rule.name, packets, bytes })),
  };
}

function describePeer(peer: Peer): PeerStatus {
  return {
    node: peer.name,
    state: peer.state,
    authenticated: peer.authenticated,
    addresses: peer.addresses,
    pathsLive: peer.paths.filter(({ state }) => state === 'live').length,
    sessions: peer.ownSessions.size + peer.peerSessions.size,
    steered: [...peer.steered.keys()],
  };
}

function describeSession(session: Session, now: number): SessionStatus {
  const { held, maxHeld, released, timeouts, losses, late, duplicates, mode, holdLimit } = session.reorder;
  return {
    node: session.peer.name,
    session: session.id,
    openedBy: session.openedBySelf ? 'self' : 'peer',
    state: session.state,
    source: { address: addressText(session.source), port: session.sourcePort },
    destination: { address: addressText(session.destination), port: session.destinationPort },
    protocol: session.protocol === tcp.PROTOCOL_TCP ? 'tcp' : 'udp',
    nextSequence: session.reorder.next >>> 0,
    idleUs: now - session.updatedAt,
    sentPackets: session.sentPackets,
    sentBytes: session.sentBytes,
    receivedPackets: session.receivedPackets,
    receivedBytes: session.receivedBytes,
    reorder: { held, maxHeld, released, timeouts, losses, late, duplicates, mode, holdLimitUs: holdLimit },
  };
}

function describePath(context: NodeContext, path: Path): PathStatus {
  const { peer, delay, capacity, reverse } = path;
  return {
    node: peer.name,
    sessions: peer.ownSessions.size + peer.peerSessions.size,
    path: path.id,
    source: { address: path.local.address, port: path.connection?.tcp.localPort ?? context.config.port },
    destination: path.remote,
    interface: path.local.interface,
    destinationNic: path.farNic > 0 ? path.farNic : null,
    transport: path.transport,
    names: [...path.names],
    metered: path.isMetered,
    backup: path.isBackup,
    state: path.state,
    minDelayUs: delay.known ? delay.min : null,
    delayUs: delay.known ? Math.round(delay.delay) : null,
    queuingDelayUs: delay.known ? Math.round(delay.queuing) : null,
    maxQueuingDelayUs: delay.known ? Math.round(delay.maxQueuing) : null,
    weight: peer.scheduler.weight(path),
    rttUs: path.ownRtt > 0 ? Math.round(path.ownRtt) : null,
    rateBps: capacity.known ? Math.round(capacity.rate * BPS_OF_BYTE_PER_US) : null,
    mtu: path.mtu.known ? path.mtu.size : null,
    loss: path.loss,
    sentPackets: path.sentPackets,
    sentBytes: path.sentBytes,
    receivedPackets: reverse?.packets ?? 0,
    receivedBytes: reverse?.bytes ?? 0,
  };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
