/**
 * What a stateful firewall knows of a TCP connection, as Linux's connection tracking checks it with nf_conntrack_tcp_be_liberal=0 and
 * nf_conntrack_tcp_loose=0 (nf_conntrack_proto_tcp.c; "Real Stateful TCP Packet Filtering in IP Filter", van Rooij, 2000): the handshake first, then
 * every segment within what the other side has allowed.
 */
import { ACK, FIN, long, RST, SYN, word } from './packet.js';

/** MAXACKWINCONST. */
const LEAST_ACK_WINDOW = 66_000;

interface Sender {
  end: number;
  maxEnd: number;
  maxWindow: number;
  scale: number;
  known: boolean;
  scaleOffered: boolean;
}

type State = 'new' | 'syn-sent' | 'syn-received' | 'established' | 'closed';

const after = (a: number, b: number): boolean => ((a - b) | 0) > 0;

export class TrackedConnection {
  state: State = 'new';
  /** Why the last segment was refused; for failing tests. */
  reason = '';
  private readonly sides: readonly [Sender, Sender] = [unknownSender(), unknownSender()];
  private synSequence = 0;

  /** Whether a segment (TCP header and payload) passes. `side` 0 sent the first SYN. */
  passes(side: 0 | 1, segment: Uint8Array): boolean {
    const flags = segment[13]!;
    const sequence = long(segment, 4) | 0;
    const acknowledgement = long(segment, 8) | 0;
    const header = (segment[12]! >> 4) * 4;
    const bytes = segment.length - header + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    const sender = this.sides[side];
    const receiver = this.sides[side === 0 ? 1 : 0];
    const end = (sequence + bytes) | 0;
    if (!this.isExpected(side, flags, acknowledgement)) return this.refuse(`flags ${flags} in ${this.state}`);
    const fresh = (flags & SYN) !== 0 && (!sender.known || this.state !== 'established');
    if (fresh) {
      const shift = windowShift(segment, header);
      Object.assign(sender, { end, known: true, scaleOffered: shift >= 0, scale: Math.max(shift, 0) });
      sender.maxWindow = Math.max(word(segment, 14), 1);
      sender.maxEnd = end;
      if ((flags & ACK) !== 0 && (!sender.scaleOffered || !receiver.scaleOffered)) sender.scale = receiver.scale = 0;
    }
    const hasAck = (flags & ACK) !== 0;
    const ack = hasAck ? acknowledgement : receiver.end;
    if ((flags & RST) === 0 || hasAck) {
      if (after(sequence, sender.maxEnd) && (flags & SYN) === 0) return this.refuse('over the upper bound of sequence');
      if (!after(end, (sender.end - receiver.maxWindow - 1) | 0))
        return this.refuse('under the lower bound of sequence');
      if (receiver.known && after(ack, receiver.end)) return this.refuse('acknowledges what was never sent');
      const least = (receiver.end - Math.max(sender.maxWindow, LEAST_ACK_WINDOW) - 1) | 0;
      if (receiver.known && !after(ack, least)) return this.refuse('under the lower bound of acknowledgments');
    }
    const window = word(segment, 14) << ((flags & SYN) === 0 ? sender.scale : 0);
    sender.maxWindow = Math.max(sender.maxWindow, window);
    if (after(end, sender.end)) sender.end = end;
    if (after(end, sender.maxEnd)) receiver.maxWindow += (end - sender.maxEnd) | 0;
    if (hasAck && after((ack + window) | 0, (receiver.maxEnd - 1) | 0)) receiver.maxEnd = (ack + window) | 0;
    this.advance(side, flags, sequence);
    return true;
  }

  private isExpected(side: 0 | 1, flags: number, acknowledgement: number): boolean {
    const isSyn = (flags & SYN) !== 0;
    if ((flags & RST) !== 0) return this.state !== 'new';
    switch (this.state) {
      case 'new':
        return side === 0 && isSyn && (flags & ACK) === 0;
      case 'syn-sent':
        if (side === 0) return isSyn;
        return isSyn && (flags & ACK) !== 0 && acknowledgement === ((this.synSequence + 1) | 0);
      case 'syn-received':
        return true;
      case 'established':
        return !isSyn || side === 1;
      case 'closed':
        return false;
    }
  }

  private advance(side: 0 | 1, flags: number, sequence: number): void {
    if ((flags & RST) !== 0) this.state = 'closed';
    else if ((flags & SYN) !== 0 && side === 0) {
      this.synSequence = sequence;
      if (this.state === 'new') this.state = 'syn-sent';
    } else if ((flags & SYN) !== 0) {
      if (this.state === 'syn-sent') this.state = 'syn-received';
    } else if (this.state === 'syn-received' && side === 0) this.state = 'established';
  }

  private refuse(reason: string): false {
    this.reason = reason;
    return false;
  }
}

function unknownSender(): Sender {
  return { end: 0, maxEnd: 0, maxWindow: 0, scale: 0, known: false, scaleOffered: false };
}

function windowShift(segment: Uint8Array, header: number): number {
  for (let i = 20; i < header; ) {
    if (segment[i] === 1) i++;
    else if (segment[i] === 3) return segment[i + 2]!;
    else i += segment[i + 1]!;
  }
  return -1;
}
