import { isIpv6 } from './addresses.js';
import type { Timer } from './clock.js';
import { Cubic } from './cubic.js';
import type { Host } from './host.js';
import { ACK, type Endpoint, SYN, type TcpSegment, tcpPacket } from './packet.js';
import { readOptions, writeOptions } from './tcp-options.js';

export interface BulkTcpOptions {
  readonly sender: Host;
  readonly receiver: Host;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** gso_max_size of the TUN link. */
const MAX_SUPER_PACKET = 61_000;
/** 20 bytes, or 40 with IPv6; and those of TCP with timestamps. */
const TCP_HEADER = 32;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** RFC 6675's DupThresh, segments. */
const DUP_THRESH = 3;
const DELAYED_ACK = 40_000;
const WINDOW_SHIFT = 10;
const WINDOW = 0xffff;
const MAX_SACK_BLOCKS = 3;

/** Of a segment that was sent. */
const OUTSTANDING = 0;
const SACKED = 1;
const LOST = 2;
const RETRANSMITTED = 3;

/**
 * A transfer without end over TCP as Linux does it: CUBIC with HyStart, SACK, losses seen by order and by time (RFC 8985), rate reduction in
 * proportion (RFC 6937). The stream is counted in segments of one size; what the segments contain is not checked (TcpSocket does that).
 */
export class BulkTcp {
  /** Payload bytes that the receiving application has, in order. */
  received = 0;
  retransmissions = 0;
  timeouts = 0;
  /** Segments that came before others of the stream. */
  outOfOrder = 0;
  readonly cubic = new Cubic();
  readonly mss: number;
  stopped = false;

  // Sender, in segments.
  private una = 0;
  private next = 0;
  /** By segment. */
  private state = new Uint8Array(1 << 16);
  private sentAt = new Float64Array(1 << 16);
  private highestSacked = -1;
  /** Lost segments below this have been found; none is below `lostFrom`. */
  private lost = 0;
  private sacked = 0;
  private lostFrom = 0;
  /** When the newest segment left that is known to have arrived. */
  private deliveredSentAt = Number.NEGATIVE_INFINITY;
  private timer: Timer | null = null;
  private timeout = 1_000_000;
  private smoothed = 0;
  private variation = 0;
  private established = false;
  private identification = 0;

  // Receiver.
  private expected = 0;
  private readonly early: [number, number][] = [];
  private unacknowledged = 0;
  private delayedAck: Timer | null = null;
  private echo = 0;

  constructor(private readonly options: BulkTcpOptions) {
    const { sender, receiver, from, to } = options;
    const ip = isIpv6(to.address) ? IPV6_HEADER : IPV4_HEADER;
    this.mss = sender.routeMtu(to.address) - ip - TCP_HEADER;
    sender.bindTcp(from, to, (segment) => this.acknowledgement(segment));
    receiver.bindTcp(to, from, (segment) => this.arrival(segment));
    this.sendSyn();
  }

  /** Segments under way, as far as the sender knows. */
  get pipe(): number {
    return this.next - this.una - this.sacked - this.lost;
  }

  private get clock() {
    return this.options.sender.clock;
  }

  private sendSyn(): void {
    this.transmit('sender', SYN, 0, this.options.sender.clock.now, 0, []);
  }

  private acknowledgement(segment: TcpSegment): void {
    const { now } = this.clock;
    const options = readOptions(segment.options);
    const rtt = options.timestamps === undefined ? 0 : now - unstamp(options.timestamps.echo, now);
    if (!this.established) {
      this.established = true;
      this.cubic.begin(now);
      this.sample(rtt, now);
      this.output();
      return;
    }
    const ack = this.una + Math.floor(((segment.acknowledgement - this.sequence(this.una)) | 0) / this.mss);
    if (ack > this.next) throw new Error(`acknowledgement of segment ${ack}, ${this.next} were sent`);
    const deliveredBefore = this.una + this.sacked;
    let newest = -1;
    for (; this.una < ack; this.una++) {
      const state = this.state[this.una]!;
      if (state === SACKED) this.sacked--;
      else if (state === LOST) this.lost--;
      if (state !== SACKED) newest = Math.max(newest, this.sentAt[this.una]!);
    }
    for (const [left, right] of options.sack ?? []) {
      const first = this.una + Math.floor(((left - this.sequence(this.una)) | 0) / this.mss);
      const end = this.una + Math.floor(((right - this.sequence(this.una)) | 0) / this.mss);
      for (let i = Math.max(first, this.una); i < end; i++) {
        const state = this.state[i]!;
        if (state === SACKED) continue;
        if (state === LOST) this.lost--;
        this.state[i] = SACKED;
        this.sacked++;
        newest = Math.max(newest, this.sentAt[i]!);
        this.highestSacked = Math.max(this.highestSacked, i);
      }
    }
    this.deliveredSentAt = Math.max(this.deliveredSentAt, newest);
    this.lostFrom = Math.max(this.lostFrom, this.una);
    const delivered = this.una + this.sacked - deliveredBefore;
    if (delivered > 0) this.sample(rtt, now);
    const lostNow = this.findLosses();
    this.cubic.acknowledged({
      now,
      delivered,
      una: this.una,
      next: this.next,
      pipe: this.pipe,
      lost: lostNow,
      rtt,
    });
    this.output();
    if (delivered > 0) this.arm();
  }

  /** Marks what order and time show to be lost; returns how many. */
  private findLosses(): number {
    let found = 0;
    if (this.sacked < DUP_THRESH) return 0;
    for (let i = this.una; i < this.highestSacked; i++) {
      const state = this.state[i]!;
      if (state !== OUTSTANDING && state !== RETRANSMITTED) continue;
      if (state === OUTSTANDING && i > this.highestSacked - DUP_THRESH) continue;
      if (state === RETRANSMITTED && this.deliveredSentAt - this.sentAt[i]! < this.cubic.leastRtt / 4) continue;
      this.state[i] = LOST;
      this.lost++;
      found++;
      this.lostFrom = Math.min(this.lostFrom, i);
    }
    return found;
  }

  private output(): void {
    if (!this.established || this.stopped) return;
    const room = (): number => Math.floor(this.cubic.window) - this.pipe;
    const { now } = this.clock;
    for (let i = this.lostFrom; this.lost > 0 && i < this.next && room() > 0; i++) {
      if (this.state[i] !== LOST) continue;
      this.state[i] = RETRANSMITTED;
      this.lost--;
      this.lostFrom = i + 1;
      this.retransmissions++;
      this.cubic.sent(1);
      this.sentAt[i] = now;
      this.transmit('sender', ACK, i, now, 1, []);
    }
    const longest = Math.floor(MAX_SUPER_PACKET / (this.mss + TCP_HEADER));
    for (;;) {
      const count = Math.min(room(), longest);
      if (count <= 0) break;
      this.grow(this.next + count);
      for (let i = 0; i < count; i++) {
        this.state[this.next + i] = OUTSTANDING;
        this.sentAt[this.next + i] = now;
      }
      this.transmit('sender', ACK, this.next, now, count, []);
      this.next += count;
      this.cubic.sent(count);
    }
    if (this.timer === null) this.arm();
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = this.clock.after(this.timeout, () => {
      this.timer = null;
      if (this.stopped || this.una === this.next) return;
      this.timeouts++;
      this.timeout = Math.min(8_000_000, this.timeout * 2);
      for (let i = this.una; i < this.next; i++) {
        if (this.state[i] === SACKED || this.state[i] === LOST) continue;
        this.state[i] = LOST;
        this.lost++;
      }
      this.lostFrom = this.una;
      this.cubic.timedOut(this.next, this.clock.now);
      this.output();
    });
  }

  private sample(rtt: number, now: number): void {
    if (this.smoothed === 0) {
      this.smoothed = rtt;
      this.variation = rtt / 2;
    } else {
      this.variation += (Math.abs(this.smoothed - rtt) - this.variation) / 4;
      this.smoothed += (rtt - this.smoothed) / 8;
    }
    this.timeout = this.smoothed + Math.max(200_000, 4 * this.variation);
    this.cubic.roundTrip(rtt, this.una, this.next, now);
  }

  private grow(segments: number): void {
    if (segments <= this.state.length) return;
    const [state, sentAt] = [this.state, this.sentAt];
    this.state = new Uint8Array(2 * segments);
    this.sentAt = new Float64Array(2 * segments);
    this.state.set(state);
    this.sentAt.set(sentAt);
  }

  // Receiver.

  private arrival(segment: TcpSegment): void {
    const { now } = this.clock;
    const options = readOptions(segment.options);
    if (options.timestamps !== undefined) this.echo = options.timestamps.value;
    if ((segment.flags & SYN) !== 0) {
      this.sendAck();
      return;
    }
    const first = this.expected + Math.round(((segment.sequence - this.sequence(this.expected)) | 0) / this.mss);
    const count = Math.round(segment.payload.length / this.mss);
    const before = this.expected;
    if (first > this.expected) {
      this.outOfOrder += count;
      this.keep(first, first + count);
      this.sendAck();
      return;
    }
    this.expected = Math.max(this.expected, first + count);
    const filling = this.early.length > 0;
    while (this.early.length > 0 && this.early[0]![0] <= this.expected) {
      this.expected = Math.max(this.expected, this.early.shift()![1]);
    }
    this.received += (this.expected - before) * this.mss;
    this.unacknowledged += count;
    if (filling || this.unacknowledged >= 2 || this.expected === before) this.sendAck();
    else this.delayedAck ??= this.clock.at(now + DELAYED_ACK, () => this.sendAck());
  }

  private keep(first: number, end: number): void {
    const { early } = this;
    let at = 0;
    while (at < early.length && early[at]![1] < first) at++;
    let [from, to] = [first, end];
    while (at < early.length && early[at]![0] <= to) {
      from = Math.min(from, early[at]![0]);
      to = Math.max(to, early[at]![1]);
      early.splice(at, 1);
    }
    early.splice(at, 0, [from, to]);
    this.latest = [from, to];
  }

  private latest: [number, number] = [0, 0];

  private sendAck(): void {
    this.delayedAck?.cancel();
    this.delayedAck = null;
    this.unacknowledged = 0;
    // The block that grew last comes first (RFC 2018).
    const blocks = this.early.filter(([from]) => from === this.latest[0]);
    for (const block of this.early) if (block[0] !== this.latest[0]) blocks.push(block);
    this.transmit('receiver', ACK, this.expected, this.clock.now, 0, blocks.slice(0, MAX_SACK_BLOCKS));
  }

  private sequence(segment: number): number {
    return (1 + segment * this.mss) >>> 0;
  }

  private transmit(
    end: 'sender' | 'receiver',
    flags: number,
    segment: number,
    now: number,
    count: number,
    blocks: readonly (readonly [number, number])[],
  ): void {
    const { sender, receiver, from, to } = this.options;
    const isSender = end === 'sender';
    const sack = blocks.map(([first, last]) => [this.sequence(first), this.sequence(last)] as const);
    const packet = tcpPacket(
      {
        source: isSender ? from : to,
        destination: isSender ? to : from,
        sequence: isSender ? ((flags & SYN) !== 0 ? 0 : this.sequence(segment)) : 1,
        acknowledgement: isSender ? 1 : this.sequence(segment),
        flags,
        window: WINDOW,
        options: writeOptions({
          timestamps: { value: stamp(now), echo: isSender ? 0 : this.echo },
          ...((flags & SYN) === 0 ? {} : { windowShift: WINDOW_SHIFT, maxSegment: this.mss + 12 }),
          ...(sack.length > 0 ? { sack } : {}),
        }),
        payload: new Uint8Array(count * this.mss),
      },
      count > 1 ? this.mss : 0,
      this.identification & 0xffff,
    );
    this.identification += Math.max(1, count);
    (isSender ? sender : receiver).send(packet);
  }
}

/** Finer than RFC 7323's millisecond: CUBIC's HyStart reads microseconds, as Linux takes them from its own record of what was sent. */
function stamp(now: number): number {
  return Math.floor(now) >>> 0;
}

function unstamp(echo: number, now: number): number {
  return now - ((stamp(now) - echo) >>> 0);
}
