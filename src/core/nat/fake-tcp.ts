/**
 * The fake TCP connection of a path where UDP does not get through (paper section 4.1.1): SYN, SYN-ACK and ACK as of any connection, then
 * segments that carry one datagram each. Sequence and acknowledgment numbers advance and stay in the window, as firewalls and NATs
 * that track connections check (RFC 5382 section 4; Linux: nf_conntrack_proto_tcp.c). What is lost stays lost: the acknowledgment is
 * the highest sequence number seen, so no hole stops it.
 *
 * Hosts that run no MPIP may listen on the port: the handshake is marked, and no byte follows one that is not.
 */
import { get16, get32, set16 } from '../memory.js';
import * as tcp from '../wire/tcp.js';

/** The window of SYN and SYN-ACK: the paper's Flags_HS. No kernel's stack begins with it. */
export const HANDSHAKE_WINDOW = 0x6d70;
/** The largest shift (RFC 7323 section 2.3). With it a window holds all that a link of 10 Gbit/s carries in 0.8 s. */
const WINDOW_SHIFT = 14;
/** The window of all other segments, in units of 2^WINDOW_SHIFT bytes. */
const WINDOW = 0xffff;
const WINDOW_BYTES = WINDOW << WINDOW_SHIFT;
/** A receiver acknowledges at the latest after so many bytes, so that the sender stays far inside the window that others see. */
const ACKNOWLEDGE_BYTES = 256 * 1024;

/** MSS, no-operation, window scale. */
const OPTION_BYTES = 8;
export const SYN_BYTES = tcp.HEADER_BYTES + OPTION_BYTES;
const option = { END: 0, NOP: 1, MSS: 2, WINDOW_SCALE: 3 } as const;

/** `closing`: this side has sent FIN; what the other one had under way is still taken. */
export type FakeTcpState = 'syn-sent' | 'syn-received' | 'established' | 'closing' | 'closed';

/** What a segment means to who holds the connection. */
export type SegmentVerdict =
  /** Nothing, or not of this connection. */
  | 'ignore'
  /** Its payload is a datagram of the peer's, if it is genuine: then `accept` is to be called. */
  | 'deliver'
  /** The handshake is complete. The opener sends an acknowledgment; what the listener gets may have payload. */
  | 'established'
  /** An answer is due: `writeAnswer`. */
  | 'answer'
  /** The other side has sent FIN: it takes no more. */
  | 'finished'
  /** The other side, or somebody on the way, has reset the connection. */
  | 'reset'
  /** Who answered the SYN runs no MPIP. */
  | 'foreign'
  /** An answer to something that this connection has not sent, from one before it: `writeRefusal` ends that. */
  | 'stray';

export class FakeTcp {
  state: FakeTcpState;
  /** Sequence number of the next byte sent, and the highest one seen behind the other side's bytes. Signed 32 bits, as all of these. */
  private sendNext: number;
  private receiveNext = 0;
  /** The acknowledgment number sent last. */
  private acknowledged = 0;
  /** Initial numbers. */
  private readonly initial: number;
  private remoteInitial = 0;

  private constructor(
    state: FakeTcpState,
    readonly localPort: number,
    readonly remotePort: number,
    initial: number,
  ) {
    this.state = state;
    this.initial = initial | 0;
    this.sendNext = (initial + 1) | 0;
  }

  /** Of the side that begins. `initial`: 32 random bits. */
  static open(localPort: number, remotePort: number, initial: number): FakeTcp {
    return new FakeTcp('syn-sent', localPort, remotePort, initial);
  }

  /** Of the side that was asked by the SYN at `at`, which `isHandshake`. */
  static accept(b: Uint8Array, at: number, initial: number): FakeTcp {
    const ports = [get16(b, at + tcp.field.destinationPort), get16(b, at + tcp.field.sourcePort)] as const;
    const connection = new FakeTcp('syn-received', ports[0], ports[1], initial);
    connection.remoteInitial = get32(b, at + tcp.field.sequence);
    connection.receiveNext = (connection.remoteInitial + 1) | 0;
    return connection;
  }

  /** Whether datagrams may be sent. */
  get carries(): boolean {
    return this.state === 'established';
  }

  /** Bytes that have come and were not acknowledged. */
  get unacknowledged(): number {
    return (this.receiveNext - this.acknowledged) | 0;
  }

  /** Whether so much has come that it must be acknowledged at once. */
  get acknowledgmentDue(): boolean {
    return this.unacknowledged >= ACKNOWLEDGE_BYTES;
  }

  /** SYN, or as an answer to one SYN-ACK; also when it is repeated. Returns its bytes. */
  writeSyn(b: Uint8Array, at: number, maximumSegment: number): number {
    const isAnswer = this.state !== 'syn-sent';
    const flags = isAnswer ? tcp.SYN | tcp.ACK : tcp.SYN;
    const { localPort, remotePort, initial, receiveNext } = this;
    tcp.writeTcp(b, at, localPort, remotePort, initial, isAnswer ? receiveNext : 0, SYN_BYTES, flags, HANDSHAKE_WINDOW);
    if (isAnswer) this.acknowledged = receiveNext;
    const options = at + tcp.HEADER_BYTES;
    b[options] = option.MSS;
    b[options + 1] = 4;
    set16(b, options + 2, maximumSegment);
    b[options + 4] = option.NOP;
    b[options + 5] = option.WINDOW_SCALE;
    b[options + 6] = 3;
    b[options + 7] = WINDOW_SHIFT;
    return SYN_BYTES;
  }

  /** The header (tcp.HEADER_BYTES) in front of `payloadBytes` bytes, which are one segment or are cut into several. */
  writeData(b: Uint8Array, at: number, payloadBytes: number): void {
    this.write(b, at, tcp.ACK | tcp.PSH, this.sendNext);
    this.sendNext = (this.sendNext + payloadBytes) | 0;
  }

  writeAcknowledgment(b: Uint8Array, at: number): void {
    this.write(b, at, tcp.ACK, this.sendNext);
  }

  /** What an `answer` asks for; returns its bytes. */
  writeAnswer(b: Uint8Array, at: number, maximumSegment: number): number {
    if (this.state === 'syn-received') return this.writeSyn(b, at, maximumSegment);
    this.writeAcknowledgment(b, at);
    return tcp.HEADER_BYTES;
  }

  /** From now on this side only receives. */
  writeFinish(b: Uint8Array, at: number): void {
    this.write(b, at, tcp.FIN | tcp.ACK, this.sendNext);
    this.sendNext = (this.sendNext + 1) | 0;
    this.state = 'closing';
  }

  /** Ends it here and at whatever tracks it on the way. */
  writeReset(b: Uint8Array, at: number): void {
    this.write(b, at, tcp.RST | tcp.ACK, this.sendNext);
    this.state = 'closed';
  }

  /** Looks at a segment of these ports whose header, of `headerBytes`, stands at `at`. */
  received(b: Uint8Array, at: number, headerBytes: number, payloadBytes: number): SegmentVerdict {
    const flags = b[at + tcp.field.flags];
    switch (this.state) {
      case 'syn-sent':
        return this.answered(b, at, headerBytes, flags);
      case 'closed':
        return 'ignore';
      default:
        return this.inConnection(b, at, flags, payloadBytes);
    }
  }

  /** The `bytes` of payload behind the header at `at` are the peer's. */
  accept(b: Uint8Array, at: number, bytes: number): void {
    const end = (get32(b, at + tcp.field.sequence) + bytes) | 0;
    if (isAfter(end, this.receiveNext)) this.receiveNext = end;
  }

  private answered(b: Uint8Array, at: number, headerBytes: number, flags: number): SegmentVerdict {
    const acknowledgment = get32(b, at + tcp.field.acknowledgment);
    const isReset = (flags & tcp.RST) !== 0;
    if ((flags & tcp.ACK) === 0) return 'ignore';
    if (acknowledgment !== this.sendNext) return isReset ? 'ignore' : 'stray';
    if (isReset) {
      this.state = 'closed';
      return 'reset';
    }
    if ((flags & tcp.SYN) === 0) return 'ignore';
    this.remoteInitial = get32(b, at + tcp.field.sequence);
    this.receiveNext = (this.remoteInitial + 1) | 0;
    if (!isHandshake(b, at, headerBytes)) return 'foreign';
    this.state = 'established';
    return 'established';
  }

  private inConnection(b: Uint8Array, at: number, flags: number, payloadBytes: number): SegmentVerdict {
    const sequence = get32(b, at + tcp.field.sequence);
    const ahead = (sequence - this.receiveNext) | 0;
    if ((flags & tcp.RST) !== 0) return this.resetBy(ahead, sequence);
    if ((flags & tcp.SYN) !== 0) return this.repeated(sequence, flags);
    if ((flags & tcp.ACK) === 0 || ahead < -WINDOW_BYTES || ahead > WINDOW_BYTES) return 'ignore';
    const unsent = (get32(b, at + tcp.field.acknowledgment) - this.sendNext) | 0;
    if (unsent > 0 || unsent < -WINDOW_BYTES) return 'ignore';
    if (this.state === 'syn-received') {
      if (unsent !== 0) return 'ignore';
      this.state = 'established';
      return 'established';
    }
    if (payloadBytes > 0) return 'deliver';
    if ((flags & tcp.FIN) === 0) return 'ignore';
    const end = (sequence + 1) | 0;
    if (isAfter(end, this.receiveNext)) this.receiveNext = end;
    return this.state === 'closing' ? 'answer' : 'finished';
  }

  /** As RFC 5961 section 3.2: only the exact number ends a connection; one in the window is asked for again. */
  private resetBy(ahead: number, sequence: number): SegmentVerdict {
    if (ahead === 0 || sequence === this.acknowledged) {
      this.state = 'closed';
      return 'reset';
    }
    return ahead > 0 && ahead <= WINDOW_BYTES && this.state !== 'syn-received' ? 'answer' : 'ignore';
  }

  /** The other side has not heard the answer to its SYN or SYN-ACK, or has begun anew (RFC 5961 section 4.2: it is asked whether it has). */
  private repeated(sequence: number, flags: number): SegmentVerdict {
    if (sequence !== this.remoteInitial) return this.state === 'syn-received' ? 'ignore' : 'answer';
    const isFromListener = (flags & tcp.ACK) !== 0;
    return isFromListener || this.state === 'syn-received' ? 'answer' : 'ignore';
  }

  private write(b: Uint8Array, at: number, flags: number, sequence: number): void {
    const { localPort, remotePort, receiveNext } = this;
    tcp.writeTcp(b, at, localPort, remotePort, sequence, receiveNext, tcp.HEADER_BYTES, flags, WINDOW);
    this.acknowledged = receiveNext;
  }
}

/** Whether the SYN or SYN-ACK at `at` is a node's. */
export function isHandshake(b: Uint8Array, at: number, headerBytes: number): boolean {
  return (
    get16(b, at + tcp.field.window) === HANDSHAKE_WINDOW &&
    windowShift(b, at + tcp.HEADER_BYTES, at + headerBytes) === WINDOW_SHIFT
  );
}

/** The reset that a segment of no connection is answered with (RFC 9293 section 3.10.7.1); `payloadBytes` are those of the segment at `at`. */
export function writeRefusal(b: Uint8Array, at: number, payloadBytes: number, to: number): void {
  const flags = b[at + tcp.field.flags];
  const source = get16(b, at + tcp.field.destinationPort);
  const destination = get16(b, at + tcp.field.sourcePort);
  if ((flags & tcp.ACK) !== 0) {
    const sequence = get32(b, at + tcp.field.acknowledgment);
    tcp.writeTcp(b, to, source, destination, sequence, 0, tcp.HEADER_BYTES, tcp.RST, 0);
  } else {
    const isSyn = (flags & tcp.SYN) !== 0;
    const acknowledgment = get32(b, at + tcp.field.sequence) + payloadBytes + (isSyn ? 1 : 0);
    tcp.writeTcp(b, to, source, destination, 0, acknowledgment, tcp.HEADER_BYTES, tcp.RST | tcp.ACK, 0);
  }
}

/** -1 = the option is not there. */
function windowShift(b: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end && b[i] !== option.END; ) {
    if (b[i] === option.NOP) {
      i++;
      continue;
    }
    const length = b[i + 1];
    if (i + 1 >= end || length < 2 || i + length > end) return -1;
    if (b[i] === option.WINDOW_SCALE && length === 3) return b[i + 2];
    i += length;
  }
  return -1;
}

function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}
