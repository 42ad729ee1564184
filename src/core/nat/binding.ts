/** What is known of a session whose addresses a NAT changes, so that the peer has to be shown which one it is. */
import * as tcp from '../wire/tcp.js';

/** Common first values of an IP packet's time to live. */
const INITIAL_TIMES_TO_LIVE = [64, 128, 255] as const;

export class Binding {
  /** Blocks sent since the last start, and when the next one may go, us. */
  attempts = 0;
  nextAt = 0;
  /** TCP: the peer has acknowledged all before `acknowledged`; the own side has sent up to `sent`. Sequence numbers, signed 32 bits. */
  acknowledged = 0;
  acknowledgedKnown = false;
  sent = 0;
  sentKnown = false;
  /** Routers that the peer's native packets have passed; 0 = none, or unknown. */
  routers = 0;
  /** TCP: what middleboxes on the native route have been told: sent up to, received up to. */
  toldSent = 0;
  toldReceived = 0;
  hasTold = false;
  /** UDP: when a datagram last went natively, us. */
  nativeAt = Number.NEGATIVE_INFINITY;
  /** The host looks for native packets of the session. */
  watched = false;

  constructor(
    /** 8 bytes, random: whoever returns them has seen the session's native packets. */
    readonly challenge: Uint8Array,
  ) {}

  /** A segment of the own side, `payload` bytes, goes natively. */
  noteSent(sequence: number, flags: number, payload: number): void {
    const end = (sequence + payload + ((flags & (tcp.SYN | tcp.FIN)) !== 0 ? 1 : 0)) | 0;
    if (!this.sentKnown || ((end - this.sent) | 0) > 0) this.sent = end;
    this.sentKnown = true;
    // Who completes the handshake or goes on after it has had its own SYN acknowledged.
    if ((flags & tcp.SYN) !== 0) {
      this.acknowledged = end;
      this.acknowledgedKnown = true;
    }
  }

  /** The peer's native packet acknowledges all before `sequence`. What was never sent cannot be acknowledged: ignored. */
  noteAcknowledged(sequence: number): void {
    if (!this.sentKnown || ((this.sent - sequence) | 0) < 0) return;
    this.trustAcknowledged(sequence);
  }

  /** The same from a segment that is known to be the peer's. */
  trustAcknowledged(sequence: number): void {
    if (this.acknowledgedKnown && ((sequence - this.acknowledged) | 0) <= 0) return;
    this.acknowledged = sequence;
    this.acknowledgedKnown = true;
  }

  /** The peer's native packet came with this time to live. */
  noteTimeToLive(value: number): void {
    const initial = INITIAL_TIMES_TO_LIVE.find((first) => value <= first) ?? value;
    this.routers = initial - value;
  }
}
