import type { Host, Via } from './host.js';
import { type Endpoint, long, parseIp, parseUdp, putLong, UDP, udpPacket } from './packet.js';
import { Content } from './stream.js';

/** Marks the numbered datagrams, so that they are known natively and inside a wrapper. */
const MAGIC = 0x6e756d62;
/** Smallest numbered datagram, bytes. */
export const MIN_DATAGRAM = 12;

export interface UdpFlowOptions {
  readonly sender: Host;
  readonly receiver: Host;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Where the receiver gets it and from whom (null: anybody), if a NAT changes that. Default: `to` and `from`. */
  readonly at?: Endpoint;
  readonly seenAs?: Endpoint | null;
  readonly seed: number;
}

/** A stream of numbered datagrams in one direction, checked on arrival. */
export class UdpFlow {
  sent = 0;
  /** How each datagram came, in order of arrival. */
  readonly arrivals: { readonly number: number; readonly via: Via; readonly time: number }[] = [];
  /** Datagrams that nobody sent. */
  foreign = 0;
  /** Whom the newest came from, as the receiver sees it. */
  source: Endpoint | null = null;
  /** Where the next one goes. */
  to: Endpoint;

  private readonly content: Content;
  private readonly stream: number;
  private readonly sizes: number[] = [];
  private readonly sentAt: number[] = [];

  constructor(readonly options: UdpFlowOptions) {
    this.content = new Content(options.seed);
    this.stream = options.seed >>> 0;
    const { receiver, from, to, at = to, seenAs = from } = options;
    this.to = to;
    receiver.bindUdp(at, seenAs, ({ source, payload }, via) => {
      this.source = source;
      this.arrived(payload, via);
    });
  }

  /** Sends `count` datagrams of one size at once: a super-packet when there are several. */
  send(bytes: number, count = 1): void {
    const payload = new Uint8Array(bytes * count);
    for (let i = 0; i < count; i++) {
      payload.set(this.datagram(this.sent, bytes), i * bytes);
      this.sizes.push(bytes);
      this.sentAt.push(this.options.sender.clock.now);
      this.sent++;
    }
    const { sender, from } = this.options;
    sender.send(udpPacket({ source: from, destination: this.to, payload }, count > 1 ? bytes : 0, 0));
  }

  /** Numbers of the datagrams of this flow that a packet carries, natively or in an MPIP wrapper; null when it carries none. */
  numberIn(packet: Uint8Array): number | null {
    const ip = parseIp(packet);
    if (ip.protocol !== UDP) return null;
    const { payload } = parseUdp(ip);
    if (payload.length < MIN_DATAGRAM || long(payload, 0) !== MAGIC || long(payload, 4) !== this.stream) return null;
    return long(payload, 8);
  }

  /** Datagrams that came twice although the network carried one of the two inside MPIP. */
  duplicates(): number[] {
    const seen = new Map<number, Via>();
    const found: number[] = [];
    for (const { number, via } of this.arrivals) {
      const before = seen.get(number);
      if (before !== undefined && (before === 'tun' || via === 'tun')) found.push(number);
      seen.set(number, via);
    }
    return found;
  }

  /** Datagrams that came through MPIP after a later one had. */
  inversions(): number[] {
    let newest = -1;
    const found: number[] = [];
    for (const { number, via } of this.arrivals) {
      if (via !== 'tun') continue;
      if (number < newest) found.push(number);
      newest = Math.max(newest, number);
    }
    return found;
  }

  missing(): number[] {
    const seen = new Set(this.arrivals.map(({ number }) => number));
    return Array.from({ length: this.sent }, (_, number) => number).filter((number) => !seen.has(number));
  }

  /** The longest time that a datagram was under way, us. */
  slowest(): number {
    return Math.max(...this.arrivals.map(({ number, time }) => time - this.sentAt[number]!));
  }

  count(via: Via): number {
    return this.arrivals.filter((arrival) => arrival.via === via).length;
  }

  private datagram(number: number, bytes: number): Uint8Array {
    if (bytes < MIN_DATAGRAM) throw new RangeError(`a numbered datagram of ${bytes} bytes`);
    const out = this.content.read(number * 131, bytes);
    putLong(out, 0, MAGIC);
    putLong(out, 4, this.stream);
    putLong(out, 8, number);
    return out;
  }

  private arrived(payload: Uint8Array, via: Via): void {
    const number = payload.length >= MIN_DATAGRAM ? long(payload, 8) : -1;
    const size = this.sizes[number];
    if (size !== payload.length || Buffer.compare(this.datagram(number, size), payload) !== 0) {
      this.foreign++;
      return;
    }
    this.arrivals.push({ number, via, time: this.options.receiver.clock.now });
  }
}

/** When a datagram leaves, how large it is, and how many leave at once. */
export interface Pace {
  /** us from one departure to the next. */
  readonly interval: number;
  readonly bytes: () => number;
  readonly burst?: () => number;
}

/** Sends until `until` says stop. */
export function pace(flow: UdpFlow, { interval, bytes, burst }: Pace, until: () => boolean): void {
  const { clock } = flow.options.sender;
  const step = (): void => {
    if (until()) return;
    const count = burst?.() ?? 1;
    flow.send(bytes(), count);
    clock.after(interval * count, step);
  };
  step();
}
