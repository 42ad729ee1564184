import { isIpv6 } from './addresses.js';
import type { Timer } from './clock.js';
import { Congestion } from './congestion.js';
import type { Host, Via } from './host.js';
import { ACK, type Endpoint, FIN, PSH, RST, SYN, type TcpSegment, tcpPacket } from './packet.js';
import { Content } from './stream.js';
import { readOptions, type TcpOptions, writeOptions } from './tcp-options.js';

/** One side of a connection: what it sends, and what it expects of the other side. */
export interface TcpSide {
  /** Bytes to send before FIN. */
  readonly length: number;
  readonly seed: number;
}

export interface TcpSocketOptions {
  readonly send: TcpSide;
  readonly receive: TcpSide;
  /** Receive window, bytes. */
  readonly window?: number;
  readonly timestamps?: boolean;
}

export type TcpState = 'syn-sent' | 'syn-received' | 'established' | 'closed' | 'reset';

const DELAYED_ACK = 40_000;
const WINDOW_SHIFT = 5;
const DEFAULT_WINDOW = 256 << 10;
/** gso_max_size of the TUN link. */
const MAX_SUPER_PACKET = 61_000;
/** How long TCP keeps the segment size that it knows after a route's MTU changed, us. */
const MSS_REFRESH = 20_000;

/**
 * A small TCP: handshake, MSS from the route's MTU, sliding window, NewReno without SACK, delayed acknowledgements, segmentation offload.
 * Positions are whole numbers from 0 (SYN), 1 (first byte) to length + 1 (FIN); they become 32 bits on the wire only.
 */
export class TcpSocket {
  state: TcpState;
  /** Bytes received in order. */
  received = 0;
  /** First position where the received stream is not what was sent; null when all is right. */
  corruptAt: number | null = null;
  /** Segments with payload or FIN that came through the TUN device and natively. */
  readonly arrivals: Record<Via, number> = { tun: 0, native: 0 };
  /** Segments that arrived with data beyond the next expected. */
  outOfOrder = 0;
  /** When the last byte in order arrived, us of the world. */
  lastProgress = 0;

  readonly congestion: Congestion;
  private readonly outgoing: Content;
  private readonly expected: Content;
  private readonly initialSequence: number;
  private peerInitial = 0;
  private una = 0;
  private next = 0;
  private highest = 0;
  private rcvNext = 0;
  private peerFinAt: number | null = null;
  private readonly early = new Map<number, Uint8Array>();
  private peerWindow = 0;
  private peerShift: number | null = null;
  private peerMss = 536;
  private timestamps: boolean;
  private lastPeerTimestamp = 0;
  private mss = 536;
  private mssCheckedAt = Number.NEGATIVE_INFINITY;
  private unacknowledged = 0;
  private delayedAck: Timer | null = null;
  private retransmission: Timer | null = null;
  private identification: number;

  /** `syn` is the segment that a listener accepted; without it the socket connects. */
  constructor(
    readonly host: Host,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    readonly options: TcpSocketOptions,
    syn: TcpSegment | null,
  ) {
    const random = host.random.fork(`tcp ${local.port} ${remote.port}`);
    this.initialSequence = random.bits();
    this.identification = random.integer(0, 0xffff);
    this.timestamps = options.timestamps ?? true;
    this.outgoing = new Content(options.send.seed);
    this.expected = new Content(options.receive.seed);
    this.congestion = new Congestion();
    host.bindTcp(local, remote, (segment, via) => this.input(segment, via));
    if (syn === null) {
      this.state = 'syn-sent';
      this.next = this.highest = 1;
      this.transmitSyn();
    } else {
      this.state = 'syn-received';
      this.next = this.highest = 1;
      this.acceptSyn(syn);
      this.transmitSyn();
    }
  }

  /** Everything sent is acknowledged, everything expected has come, FINs included. */
  get done(): boolean {
    return this.una === this.options.send.length + 2 && this.peerFinAt !== null && this.rcvNext === this.peerFinAt + 1;
  }

  /** Positions acknowledged by the peer, less SYN: bytes. */
  get acknowledged(): number {
    return Math.max(0, Math.min(this.una - 1, this.options.send.length));
  }

  get currentMss(): number {
    return this.mss;
  }

  private input(segment: TcpSegment, via: Via): void {
    if (this.state === 'reset') return;
    const options = readOptions(segment.options);
    if ((segment.flags & RST) !== 0) {
      this.state = 'reset';
      this.retransmission?.cancel();
      return;
    }
    if ((segment.flags & SYN) !== 0) {
      if (this.state === 'syn-sent' && (segment.flags & ACK) !== 0) {
        this.acceptSyn(segment);
        this.state = 'established';
        this.una = 1;
        this.congestion.sampleTime(this.host.clock.now);
        this.armRetransmission();
        this.transmitAck();
        this.output();
      } else if (this.state === 'syn-received') {
        this.transmitSyn();
      } else if (this.state !== 'syn-sent') {
        this.transmitAck();
      }
      return;
    }
    if (this.state === 'syn-sent') return;
    if (this.state === 'syn-received') {
      this.state = 'established';
      this.una = 1;
      this.armRetransmission();
    }
    if (segment.payload.length > 0 || (segment.flags & FIN) !== 0) {
      this.arrivals[via]++;
      this.inputData(segment, options);
    }
    this.inputAck(segment, options);
    this.output();
    if (this.done) this.state = 'closed';
  }

  private acceptSyn(syn: TcpSegment): void {
    const options = readOptions(syn.options);
    this.peerInitial = syn.sequence;
    this.rcvNext = 1;
    this.peerMss = options.maxSegment ?? 536;
    this.peerShift = options.windowShift ?? null;
    this.peerWindow = syn.window;
    this.timestamps &&= options.timestamps !== undefined;
    this.lastPeerTimestamp = options.timestamps?.value ?? 0;
  }

  private inputAck(segment: TcpSegment, options: TcpOptions): void {
    const ack = this.una + ((segment.acknowledgement - this.wireSequence(this.una)) | 0);
    const window = segment.window << (this.peerShift === null ? 0 : this.peerShift);
    const windowChanged = window !== this.peerWindow;
    this.peerWindow = window;
    if (ack > this.highest) return;
    if (ack > this.una) {
      const bytes = ack - this.una;
      this.una = ack;
      this.next = Math.max(this.next, ack);
      const echo = this.timestamps ? options.timestamps?.echo : undefined;
      this.congestion.acknowledged(
        bytes,
        ack,
        this.mss,
        this.host.clock.now,
        echo === undefined ? null : this.sinceTimestamp(echo),
      );
      if (this.congestion.partial) this.retransmitFirst();
      this.armRetransmission();
    } else if (ack === this.una && this.highest > this.una && segment.payload.length === 0 && !windowChanged) {
      if (this.congestion.duplicateAck(this.highest - this.una, this.highest, this.mss)) this.retransmitFirst();
    }
  }

  private inputData(segment: TcpSegment, options: TcpOptions): void {
    const start = this.rcvNext + ((segment.sequence - ((this.peerInitial + this.rcvNext) >>> 0)) | 0);
    const end = start + segment.payload.length;
    if ((segment.flags & FIN) !== 0) this.peerFinAt = end;
    if (options.timestamps !== undefined && start <= this.rcvNext) this.lastPeerTimestamp = options.timestamps.value;
    if (start > this.rcvNext) {
      this.outOfOrder++;
      // One position may come in two lengths, cut for two segment sizes: the longer holds both.
      if (segment.payload.length > (this.early.get(start)?.length ?? 0)) this.early.set(start, segment.payload.slice());
      this.transmitAck();
      return;
    }
    const filling = this.early.size > 0;
    const old = end <= this.rcvNext && this.rcvNext !== this.peerFinAt;
    this.accept(start, segment.payload);
    for (let again = this.early.size > 0; again; ) {
      again = false;
      for (const [position, payload] of this.early) {
        if (position > this.rcvNext) continue;
        this.early.delete(position);
        this.accept(position, payload);
        again = true;
      }
    }
    if (this.rcvNext === this.peerFinAt) {
      this.rcvNext++;
      this.lastProgress = this.host.clock.now;
    }
    this.unacknowledged++;
    if (old || filling || this.unacknowledged >= 2 || (segment.flags & FIN) !== 0) this.transmitAck();
    else this.delayedAck ??= this.host.clock.after(DELAYED_ACK, () => this.transmitAck());
  }

  private accept(start: number, payload: Uint8Array): void {
    const fresh = payload.subarray(Math.max(0, this.rcvNext - start));
    if (fresh.length === 0 || start > this.rcvNext) return;
    const position = this.rcvNext - 1;
    const right = position + fresh.length <= this.options.receive.length && this.expected.matches(position, fresh);
    if (!right) this.corruptAt ??= position;
    this.rcvNext += fresh.length;
    this.received += fresh.length;
    this.lastProgress = this.host.clock.now;
  }

  /** Sends what the windows allow, as super-packets. */
  private output(): void {
    if (this.state !== 'established') return;
    const end = this.options.send.length + 1;
    for (;;) {
      this.refreshMss();
      const usable = Math.min(this.congestion.window, this.peerWindow) - (this.next - this.una);
      const left = end - this.next;
      if (left <= 0) break;
      let bytes = Math.min(left, usable, MAX_SUPER_PACKET - 100);
      if (bytes < left) bytes -= bytes % this.mss;
      if (bytes <= 0) {
        if (this.next > this.una || usable <= 0) break;
        bytes = Math.min(left, usable);
      }
      this.transmitData(this.next, bytes);
      this.next += bytes;
    }
    if (this.next === end && this.mayClose()) {
      // FIN went with the last bytes, or goes alone and needs no window.
      if (this.highest <= end) this.transmitData(end, 0);
      this.next = end + 1;
    }
    this.highest = Math.max(this.highest, this.next);
    if (this.next > this.una && this.retransmission === null) this.armRetransmission();
  }

  /** A side without anything to send closes after the other has. */
  private mayClose(): boolean {
    return this.options.send.length > 0 || (this.peerFinAt !== null && this.rcvNext > this.peerFinAt);
  }

  private retransmitFirst(): void {
    this.refreshMss();
    const end = this.options.send.length + 1;
    this.congestion.forgetTiming();
    this.congestion.retransmissions++;
    this.transmitData(this.una, Math.max(0, Math.min(this.mss, end - this.una)));
  }

  private transmitData(position: number, bytes: number): void {
    const payload = this.outgoing.read(position - 1, bytes);
    const last = position + bytes === this.options.send.length + 1;
    const flags = ACK | (last ? FIN | PSH : 0) | (bytes > 0 && bytes % this.mss !== 0 ? PSH : 0);
    if (position >= this.highest) this.congestion.sending(position + bytes, this.host.clock.now);
    this.transmit(position, flags, this.runningOptions(), payload, bytes > this.mss ? this.mss : 0);
    if (last) this.highest = Math.max(this.highest, position + bytes + 1);
  }

  private transmitSyn(): void {
    const maxSegment = this.host.routeMtu(this.remote.address) - this.headerBytes();
    const timestamps = this.timestamps ? { timestamps: { value: this.timestamp(), echo: this.lastPeerTimestamp } } : {};
    const flags = SYN | (this.state === 'syn-received' ? ACK : 0);
    if (this.congestion.timeouts === 0) this.congestion.sending(1, this.host.clock.now);
    this.transmit(
      0,
      flags,
      writeOptions({ maxSegment, windowShift: WINDOW_SHIFT, ...timestamps }),
      new Uint8Array(0),
      0,
    );
    this.armRetransmission();
  }

  private transmitAck(): void {
    this.transmit(this.next, ACK, this.runningOptions(), new Uint8Array(0), 0);
  }

  private transmit(
    position: number,
    flags: number,
    options: Uint8Array,
    payload: Uint8Array,
    segmentBytes: number,
  ): void {
    this.delayedAck?.cancel();
    this.delayedAck = null;
    this.unacknowledged = 0;
    const window = this.options.window ?? DEFAULT_WINDOW;
    const segment: TcpSegment = {
      source: this.local,
      destination: this.remote,
      sequence: this.wireSequence(position),
      acknowledgement: (flags & ACK) === 0 ? 0 : (this.peerInitial + this.rcvNext) >>> 0,
      flags,
      window: (flags & SYN) === 0 && this.peerShift !== null ? window >> WINDOW_SHIFT : Math.min(window, 0xffff),
      options,
      payload,
    };
    this.host.send(tcpPacket(segment, segmentBytes, this.identification & 0xffff));
    this.identification += segmentBytes === 0 ? 1 : Math.ceil(payload.length / segmentBytes);
  }

  private armRetransmission(): void {
    this.retransmission?.cancel();
    this.retransmission = null;
    if (this.una >= this.highest) return;
    this.retransmission = this.host.clock.after(this.congestion.timeout, () => this.onRetransmissionTimeout());
  }

  private onRetransmissionTimeout(): void {
    this.retransmission = null;
    if (this.state === 'reset') return;
    this.congestion.timedOut(this.highest - this.una, this.mss);
    if (this.state === 'syn-sent' || this.state === 'syn-received') {
      this.transmitSyn();
      return;
    }
    this.next = this.una;
    if (this.una === this.options.send.length + 1) this.retransmitFirst();
    else this.output();
    this.armRetransmission();
  }

  private refreshMss(): void {
    if (this.host.clock.now - this.mssCheckedAt < MSS_REFRESH) return;
    this.mssCheckedAt = this.host.clock.now;
    const routed = this.host.routeMtu(this.remote.address) - this.headerBytes();
    this.mss = Math.min(this.peerMss, routed) - (this.timestamps ? 12 : 0);
    this.congestion.start(this.mss);
  }

  private runningOptions(): Uint8Array {
    return this.timestamps
      ? writeOptions({ timestamps: { value: this.timestamp(), echo: this.lastPeerTimestamp } })
      : new Uint8Array(0);
  }

  private headerBytes(): number {
    return isIpv6(this.remote.address) ? 60 : 40;
  }

  private wireSequence(position: number): number {
    return (this.initialSequence + position) >>> 0;
  }

  /** RFC 7323 timestamp clock: 1 ms, as in Linux. */
  private timestamp(): number {
    return Math.floor(this.host.clock.now / 1000) >>> 0;
  }

  private sinceTimestamp(echo: number): number {
    return ((this.timestamp() - echo) >>> 0) * 1000;
  }
}
