/**
 * Control messages between two nodes. A body is a list of TLVs (type 1 byte, length 2 bytes, value) in front of the CM block, whose
 * type says which message it is. Unknown TLVs are skipped and the first of equal ones counts, so that later versions can add to a
 * message; the length of a known one is exact.
 */
import type { Endpoint } from '../io.js';
import { type PathReport, readPathReports, writePathReports } from './path-reports.js';
import { TlvReader, TlvWriter } from './tlv.js';

/** The 4-bit type field of the CM block. */
export const CmType = {
  data: 0,
  open: 1,
  openAck: 2,
  hello: 3,
  welcome: 4,
  probe: 5,
  probeReply: 6,
  report: 7,
  heartbeat: 8,
  addresses: 9,
  goodbye: 10,
  /** Not a control message but a block within a native packet of the session (nat/in-band.ts). */
  bind: 11,
  bound: 12,
  icmp: 13,
  /** Data that only shows what becomes of it on its path: it is counted and dropped. */
  trial: 14,
} as const;

/** Longest body, bytes: with CM, tag and IP headers it fits the smallest IPv6 MTU. */
export const MAX_CONTROL_BYTES = 1200;
/** A probe is padded to the size that it asks for, up to the longest UDP datagram. */
export const MAX_PROBE_BYTES = 65_507;
const MAX_VERSIONS = 16;

/** What a node says about itself in the hand-shake. */
interface Introduction {
  /** Protocol versions spoken, 1 to 16 of 8 bits. */
  readonly versions: readonly number[];
  /** 8 bytes. */
  readonly nodeId: Uint8Array;
  /** Unsigned 32 bits; another one than before = the node has restarted. */
  readonly incarnation: number;
  /** 8 bytes. */
  readonly nonce: Uint8Array;
  /** X25519 public key, 32 bytes. */
  readonly key: Uint8Array;
  readonly addresses: readonly Endpoint[];
  /** Unsigned 32 bits. */
  readonly capabilities: number;
}

export interface Hello extends Introduction {
  readonly type: typeof CmType.hello;
}

export interface Welcome extends Introduction {
  readonly type: typeof CmType.welcome;
  /** The nonce of the hello that is answered, 8 bytes. */
  readonly echo: Uint8Array;
}

/** A session as the sender's applications see it. */
export interface Open {
  readonly type: typeof CmType.open;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly protocol: 6 | 17;
}

/** `bind`: the sender does not know these addresses as the peer's and its own; the session has to be shown in-band (NAT). */
export type OpenAnswer = 'accepted' | 'refused' | 'bind';

/** The session's id stands in the CM. */
export interface OpenAck {
  readonly type: typeof CmType.openAck;
  readonly answer: OpenAnswer;
}

/** The peer's block was seen within a native packet of the session: shows that the sender receives what is sent there. */
export interface Bound {
  readonly type: typeof CmType.bound;
  /** The block's, 8 bytes. */
  readonly challenge: Uint8Array;
}

/** The sender's end of a path. */
interface PathEnd {
  /** What the sender's configuration says of the path: PathTrait bits. */
  readonly traits: number;
  /** Number of its interface, unsigned 32 bits, not 0; 0 = not told. */
  readonly nic: number;
}

export interface Probe extends PathEnd {
  readonly type: typeof CmType.probe;
  /** 8 bytes. */
  readonly challenge: Uint8Array;
  readonly path: number;
  /** What the body is padded to, bytes. */
  readonly bytes?: number;
  /** The sender's own TCP port, on a connection that it has opened. */
  readonly port?: number;
}

export interface ProbeReply extends PathEnd {
  readonly type: typeof CmType.probeReply;
  /** The probe's, 8 bytes. */
  readonly challenge: Uint8Array;
  /** Where the probe came from, as its receiver saw it (after NAT). */
  readonly observed: Endpoint;
}

export interface Report {
  readonly type: typeof CmType.report;
  /** At most MAX_REPORT_PATHS. */
  readonly paths: readonly PathReport[];
}

/** Cumulative counters of what was sent on the CM's path, mod 2^32. */
export interface Heartbeat {
  readonly type: typeof CmType.heartbeat;
  readonly sentPackets: number;
  readonly sentBytes: number;
}

/** The sender's whole address list; the highest sequence counts. */
export interface Addresses {
  readonly type: typeof CmType.addresses;
  readonly addresses: readonly Endpoint[];
  readonly sequence: number;
}

export interface Goodbye {
  readonly type: typeof CmType.goodbye;
  readonly reason: 'shutdown' | 'restart' | 'unknown';
}

/** An ICMP error of the sender's host about a packet of the session, whose id stands in the CM. */
export interface Icmp {
  readonly type: typeof CmType.icmp;
  /** Of the IP version of the session. */
  readonly icmpType: number;
  readonly code: number;
  /** What follows the checksum in the ICMP header, unsigned 32 bits. */
  readonly rest: number;
  /** How the transport header of the packet began, 8 bytes. */
  readonly transport: Uint8Array;
}

export type ControlMessage =
  | Hello
  | Welcome
  | Open
  | OpenAck
  | Probe
  | ProbeReply
  | Report
  | Heartbeat
  | Addresses
  | Goodbye
  | Bound
  | Icmp;

/** Types of TLVs; numbers are never used again for something else. */
const Tlv = {
  versions: 1,
  nodeId: 2,
  incarnation: 3,
  nonce: 4,
  key: 5,
  addresses: 6,
  capabilities: 7,
  echo: 8,
  source: 9,
  destination: 10,
  protocol: 11,
  answer: 12,
  challenge: 13,
  path: 14,
  observed: 15,
  pathReports: 16,
  sentPackets: 17,
  sentBytes: 18,
  sequence: 19,
  reason: 20,
  padding: 21,
  traits: 22,
  icmpType: 23,
  icmpCode: 24,
  icmpRest: 25,
  transport: 26,
  port: 27,
  nic: 28,
} as const;

const NODE_ID_BYTES = 8;
const NONCE_BYTES = 8;
const KEY_BYTES = 32;
const TRANSPORT_BYTES = 8;

const ANSWER_CODES = { accepted: 0, refused: 1, bind: 2 } as const;
const REASON_CODES = { unknown: 0, shutdown: 1, restart: 2 } as const;

/**
 * Writes a message's body at `at`, where MAX_CONTROL_BYTES must be free, or what a probe is padded to. Returns the bytes written.
 * Throws RangeError when a field has the wrong size or a report too many paths, AddressError when an endpoint's address is none.
 */
export function encodeControl(message: ControlMessage, b: Uint8Array, at: number): number {
  const writer = new TlvWriter(b, at);
  switch (message.type) {
    case CmType.hello:
      writeIntroduction(writer, message);
      break;
    case CmType.welcome:
      writeIntroduction(writer, message);
      writer.bytes(Tlv.echo, message.echo, NONCE_BYTES);
      break;
    case CmType.open:
      writer.endpoints(Tlv.source, [message.source]);
      writer.endpoints(Tlv.destination, [message.destination]);
      writer.u8(Tlv.protocol, message.protocol);
      break;
    case CmType.openAck:
      writer.u8(Tlv.answer, ANSWER_CODES[message.answer]);
      break;
    case CmType.probe:
      writePathEnd(writer, message);
      if (message.port !== undefined) writer.u32(Tlv.port, message.port);
      writer.bytes(Tlv.challenge, message.challenge, NONCE_BYTES);
      writer.u8(Tlv.path, message.path);
      if (message.bytes !== undefined) writer.pad(Tlv.padding, at + message.bytes);
      break;
    case CmType.probeReply:
      writePathEnd(writer, message);
      writer.bytes(Tlv.challenge, message.challenge, NONCE_BYTES);
      writer.endpoints(Tlv.observed, [message.observed]);
      break;
    case CmType.report:
      writePathReports(writer, Tlv.pathReports, message.paths);
      break;
    case CmType.heartbeat:
      writer.u32(Tlv.sentPackets, message.sentPackets);
      writer.u32(Tlv.sentBytes, message.sentBytes);
      break;
    case CmType.addresses:
      writer.endpoints(Tlv.addresses, message.addresses);
      writer.u32(Tlv.sequence, message.sequence);
      break;
    case CmType.goodbye:
      writer.u8(Tlv.reason, REASON_CODES[message.reason]);
      break;
    case CmType.bound:
      writer.bytes(Tlv.challenge, message.challenge, NONCE_BYTES);
      break;
    case CmType.icmp:
      writer.u8(Tlv.icmpType, message.icmpType);
      writer.u8(Tlv.icmpCode, message.code);
      writer.u32(Tlv.icmpRest, message.rest);
      writer.bytes(Tlv.transport, message.transport, TRANSPORT_BYTES);
      break;
  }
  return writer.end - at;
}

/**
 * Reads the body of `bytes` bytes at `at` of a message of type `type` (a CmType). undefined = malformed, or no control message.
 * Byte fields are copies. Never throws, whatever the bytes are.
 */
export function decodeControl(type: number, b: Uint8Array, at: number, bytes: number): ControlMessage | undefined {
  if (bytes > (type === CmType.probe ? MAX_PROBE_BYTES : MAX_CONTROL_BYTES)) return undefined;
  const reader = TlvReader.over(b, at, bytes);
  if (reader === undefined) return undefined;
  switch (type) {
    case CmType.hello: {
      const introduction = readIntroduction(reader);
      return introduction && { type, ...introduction };
    }
    case CmType.welcome: {
      const introduction = readIntroduction(reader);
      const echo = reader.bytes(Tlv.echo, NONCE_BYTES);
      return introduction && echo && { type, ...introduction, echo };
    }
    case CmType.open: {
      const source = reader.endpoint(Tlv.source);
      const destination = reader.endpoint(Tlv.destination);
      const protocol = reader.u8(Tlv.protocol);
      if (source === undefined || destination === undefined || (protocol !== 6 && protocol !== 17)) return undefined;
      return { type, source, destination, protocol };
    }
    case CmType.openAck: {
      const code = reader.u8(Tlv.answer);
      if (code === undefined) return undefined;
      const { accepted, bind } = ANSWER_CODES;
      return { type, answer: code === accepted ? 'accepted' : code === bind ? 'bind' : 'refused' };
    }
    case CmType.probe: {
      const challenge = reader.bytes(Tlv.challenge, NONCE_BYTES);
      const path = reader.u8(Tlv.path);
      if (challenge === undefined || path === undefined) return undefined;
      const port = reader.u32(Tlv.port);
      return { type, challenge, path, ...readPathEnd(reader), ...(port !== undefined && { port }) };
    }
    case CmType.probeReply: {
      const challenge = reader.bytes(Tlv.challenge, NONCE_BYTES);
      const observed = reader.endpoint(Tlv.observed);
      return challenge && observed && { type, challenge, observed, ...readPathEnd(reader) };
    }
    case CmType.report: {
      const paths = readPathReports(reader, Tlv.pathReports);
      return paths && { type, paths };
    }
    case CmType.heartbeat: {
      const sentPackets = reader.u32(Tlv.sentPackets);
      const sentBytes = reader.u32(Tlv.sentBytes);
      return sentPackets === undefined || sentBytes === undefined ? undefined : { type, sentPackets, sentBytes };
    }
    case CmType.addresses: {
      const addresses = reader.endpoints(Tlv.addresses);
      const sequence = reader.u32(Tlv.sequence);
      return addresses === undefined || sequence === undefined ? undefined : { type, addresses, sequence };
    }
    case CmType.goodbye: {
      const code = reader.u8(Tlv.reason);
      if (code === undefined) return undefined;
      const reason =
        code === REASON_CODES.shutdown ? 'shutdown' : code === REASON_CODES.restart ? 'restart' : 'unknown';
      return { type, reason };
    }
    case CmType.bound: {
      const challenge = reader.bytes(Tlv.challenge, NONCE_BYTES);
      return challenge && { type, challenge };
    }
    case CmType.icmp: {
      const icmpType = reader.u8(Tlv.icmpType);
      const code = reader.u8(Tlv.icmpCode);
      const rest = reader.u32(Tlv.icmpRest);
      const transport = reader.bytes(Tlv.transport, TRANSPORT_BYTES);
      if (icmpType === undefined || code === undefined || rest === undefined) return undefined;
      return transport && { type, icmpType, code, rest, transport };
    }
    default:
      return undefined;
  }
}

/**
 * What the sender says of its end of the path. Left out when there is nothing to say; before what must be there, so that a message cut short is
 * never taken for a whole one.
 */
function writePathEnd(writer: TlvWriter, { traits, nic }: PathEnd): void {
  if (traits !== 0) writer.u8(Tlv.traits, traits);
  if (nic !== 0) writer.u32(Tlv.nic, nic);
}

function readPathEnd(reader: TlvReader): PathEnd {
  return { traits: reader.u8(Tlv.traits) ?? 0, nic: reader.u32(Tlv.nic) ?? 0 };
}

function writeIntroduction(writer: TlvWriter, message: Introduction): void {
  if (message.versions.length < 1 || message.versions.length > MAX_VERSIONS) {
    throw new RangeError(`a hand-shake names 1 to ${MAX_VERSIONS} versions, not ${message.versions.length}`);
  }
  writer.bytes(Tlv.versions, Uint8Array.from(message.versions), message.versions.length);
  writer.bytes(Tlv.nodeId, message.nodeId, NODE_ID_BYTES);
  writer.u32(Tlv.incarnation, message.incarnation);
  writer.bytes(Tlv.nonce, message.nonce, NONCE_BYTES);
  writer.bytes(Tlv.key, message.key, KEY_BYTES);
  writer.endpoints(Tlv.addresses, message.addresses);
  writer.u32(Tlv.capabilities, message.capabilities);
}

function readIntroduction(reader: TlvReader): Introduction | undefined {
  const versions = reader.list(Tlv.versions, MAX_VERSIONS);
  const nodeId = reader.bytes(Tlv.nodeId, NODE_ID_BYTES);
  const incarnation = reader.u32(Tlv.incarnation);
  const nonce = reader.bytes(Tlv.nonce, NONCE_BYTES);
  const key = reader.bytes(Tlv.key, KEY_BYTES);
  const addresses = reader.endpoints(Tlv.addresses);
  const capabilities = reader.u32(Tlv.capabilities);
  if (!versions || !nodeId || !nonce || !key || !addresses) return undefined;
  if (incarnation === undefined || capabilities === undefined) return undefined;
  return { versions, nodeId, incarnation, nonce, key, addresses, capabilities };
}
