/** Snapshots of the paper's tables 2 to 5 for people and programs; plain JSON data. Times in us, rates in bit/s. */
import type { Address, Endpoint, Transport } from './io.js';

/** Table 2. */
export interface AvailabilityStatus {
  address: Address;
  port: number;
  availability: 'unknown' | 'true' | 'false';
  queryCount: number;
}

/** Table 3, with what the node knows about itself in the hand-shake. */
export interface PeerStatus {
  /** 16 hex digits. */
  node: string;
  state: 'greeting' | 'up';
  authenticated: boolean;
  addresses: Endpoint[];
  pathsLive: number;
  sessions: number;
  /** Addresses that the kernel sends into the TUN device for this peer. */
  steered: Address[];
}

/** Table 4. */
export interface SessionStatus {
  node: string;
  session: number;
  openedBy: 'self' | 'peer';
  state: 'opening' | 'mpip' | 'native';
  source: Endpoint;
  destination: Endpoint;
  protocol: 'tcp' | 'udp';
  /** Next session sequence number expected from the peer. */
  nextSequence: number;
  /** Microseconds since the last packet. */
  idleUs: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  reorder: {
    held: number;
    maxHeld: number;
    released: number;
    timeouts: number;
    losses: number;
    late: number;
    duplicates: number;
    /** How packets are put in order, by rule or by configuration; and how long one waits at most. */
    mode: 'off' | 'paper' | 'adaptive';
    holdLimitUs: number;
  };
}

export type PathState = 'probing' | 'live' | 'suspect' | 'dead';

/** Table 5. Paths belong to a pair of nodes: all their sessions share them (docs/decisions.md). */
export interface PathStatus {
  node: string;
  /** Number of sessions that use the path. */
  sessions: number;
  path: number;
  source: Endpoint;
  destination: Endpoint;
  interface: string;
  /** The peer's number of the interface at the other end: paths with the same one share it. null before it has told. */
  destinationNic: number | null;
  transport: Transport;
  /** What the configuration calls it. */
  names: string[];
  /** By the word of either end. */
  metered: boolean;
  backup: boolean;
  state: PathState;
  /** One-way delays; their zero is the unknown offset between the two clocks. null before the first sample. */
  minDelayUs: number | null;
  delayUs: number | null;
  queuingDelayUs: number | null;
  maxQueuingDelayUs: number | null;
  /** 1 to 1000. */
  weight: number;
  rttUs: number | null;
  /** Estimate of the path's capacity towards the peer; null before the first report. */
  rateBps: number | null;
  /** Longest IP packet that gets through to the peer, bytes; null before it was found. */
  mtu: number | null;
  /** Share of the packets sent that the peer did not receive, 0 to 1, over the last reports. */
  loss: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
}

/** One line of the routing table (Table 6). */
export interface RuleStatus {
  name: string;
  /** Packets that took it. */
  packets: number;
  /** Sent for them on all paths, copies among it, with outer headers. */
  bytes: number;
}

export interface NodeStatus {
  node: string;
  port: number;
  scheduler: string;
  reorder: string;
  authentication: boolean;
  counters: Record<string, number>;
  availability: AvailabilityStatus[];
  peers: PeerStatus[];
  sessions: SessionStatus[];
  paths: PathStatus[];
  /** First match; the last one stands for what no rule matches. */
  rules: RuleStatus[];
}
