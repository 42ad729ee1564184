import type { Clock } from './clock.js';
import { type LossModel, LossProcess } from './loss.js';
import type { Random } from './random.js';

export interface LinkParameters {
  /** bit/s of IP packets; Infinity = none. */
  readonly rate: number;
  /** Propagation delay, us. */
  readonly delay: number;
  /** Added to the delay, uniform in [0, jitter), us. */
  readonly jitter: number;
  /** Whether jitter lets packets overtake each other; otherwise the link is FIFO. */
  readonly reorder: boolean;
  readonly loss: LossModel;
  /** Share of packets that arrive twice. */
  readonly duplicate: number;
  /** Share of packets that arrive with one bit flipped. */
  readonly corrupt: number;
  /** Longest IP packet that gets through; nobody is told of those that do not. */
  readonly mtu: number;
  /** Bytes that may wait or be in transmission; Infinity = no limit. */
  readonly queueBytes: number;
}

const IDEAL_LINK: LinkParameters = {
  rate: Number.POSITIVE_INFINITY,
  delay: 0,
  jitter: 0,
  reorder: false,
  loss: { kind: 'random', probability: 0 },
  duplicate: 0,
  corrupt: 0,
  mtu: Number.POSITIVE_INFINITY,
  queueBytes: Number.POSITIVE_INFINITY,
};

export type LinkEvent = 'sent' | 'delivered' | 'lost' | 'too-long' | 'queue-full' | 'down' | 'duplicated' | 'corrupted';

export interface LinkCounters {
  sentPackets: number;
  sentBytes: number;
  deliveredPackets: number;
  deliveredBytes: number;
  lost: number;
  tooLong: number;
  queueFull: number;
  down: number;
  duplicated: number;
  corrupted: number;
}

/** One direction of one path segment. What it carries are complete IP packets; they are never changed, only copied. */
export class Link {
  readonly counters: LinkCounters = {
    sentPackets: 0,
    sentBytes: 0,
    deliveredPackets: 0,
    deliveredBytes: 0,
    lost: 0,
    tooLong: 0,
    queueFull: 0,
    down: 0,
    duplicated: 0,
    corrupted: 0,
  };
  /** Called for each thing that happens to a packet. */
  observer: ((event: LinkEvent, packet: Uint8Array) => void) | null = null;

  private current: LinkParameters;
  private loss: LossProcess;
  private freeAt = 0;
  private lastArrival = 0;
  /** Counts carrier losses: what was under way before one does not arrive. */
  private era = 0;
  private isUp = true;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    readonly name: string,
    parameters: Partial<LinkParameters> = {},
  ) {
    this.current = { ...IDEAL_LINK, ...parameters };
    this.loss = new LossProcess(this.current.loss, random);
  }

  get parameters(): LinkParameters {
    return this.current;
  }

  get up(): boolean {
    return this.isUp;
  }

  /** Changes parameters from now on. */
  set(parameters: Partial<LinkParameters>): void {
    this.current = { ...this.current, ...parameters };
    if (parameters.loss !== undefined) this.loss = new LossProcess(parameters.loss, this.random);
  }

  /** Carrier: down loses what is under way as well. */
  setUp(up: boolean): void {
    if (this.isUp && !up) {
      this.era++;
      this.freeAt = this.clock.now;
    }
    this.isUp = up;
  }

  /** Bytes that wait or are in transmission. */
  backlog(): number {
    if (this.current.rate === Number.POSITIVE_INFINITY) return 0;
    return (Math.max(0, this.freeAt - this.clock.now) * this.current.rate) / 8e6;
  }

  send(packet: Uint8Array, deliver: (packet: Uint8Array) => void): void {
    const { rate, queueBytes, duplicate } = this.current;
    this.counters.sentPackets++;
    this.counters.sentBytes += packet.length;
    this.tell('sent', packet);
    if (!this.isUp) {
      this.counters.down++;
      this.tell('down', packet);
      return;
    }
    if (packet.length > this.current.mtu) {
      this.counters.tooLong++;
      this.tell('too-long', packet);
      return;
    }
    // A backlog is a difference of times, so it carries their rounding.
    if (this.backlog() + packet.length > queueBytes + 1e-3) {
      this.counters.queueFull++;
      this.tell('queue-full', packet);
      return;
    }
    this.freeAt = Math.max(this.clock.now, this.freeAt) + (packet.length * 8e6) / rate;
    if (this.loss.next()) {
      this.counters.lost++;
      this.tell('lost', packet);
      return;
    }
    this.propagate(packet, deliver);
    if (duplicate > 0 && this.random.chance(duplicate)) {
      this.counters.duplicated++;
      this.tell('duplicated', packet);
      this.propagate(packet, deliver);
    }
  }

  private propagate(packet: Uint8Array, deliver: (packet: Uint8Array) => void): void {
    const { delay, jitter, reorder, corrupt } = this.current;
    let arrival = this.freeAt + delay + (jitter > 0 ? this.random.between(0, jitter) : 0);
    if (!reorder) arrival = Math.max(arrival, this.lastArrival);
    this.lastArrival = Math.max(arrival, this.lastArrival);
    let arriving = packet;
    if (corrupt > 0 && this.random.chance(corrupt)) {
      arriving = packet.slice();
      arriving[this.random.integer(0, packet.length - 1)]! ^= 1 << this.random.integer(0, 7);
      this.counters.corrupted++;
      this.tell('corrupted', packet);
    }
    const era = this.era;
    this.clock.at(arrival, () => {
      if (era !== this.era) {
        this.counters.down++;
        this.tell('down', packet);
        return;
      }
      this.counters.deliveredPackets++;
      this.counters.deliveredBytes += arriving.length;
      this.tell('delivered', arriving);
      deliver(arriving);
    });
  }

  private tell(event: LinkEvent, packet: Uint8Array): void {
    this.observer?.(event, packet);
  }
}
