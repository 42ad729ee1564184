/** Virtual time in microseconds: it moves only from event to event, so thousands of seconds take milliseconds. */
export interface Timer {
  cancel(): void;
}

class Event implements Timer {
  constructor(
    readonly time: number,
    readonly order: number,
    public action: (() => void) | null,
  ) {}

  cancel(): void {
    this.action = null;
  }

  before(other: Event): boolean {
    return this.time < other.time || (this.time === other.time && this.order < other.order);
  }
}

/** More events than this in one instant mean that something keeps waking itself up. */
const MAX_EVENTS_PER_INSTANT = 1_000_000;

export class Clock {
  private time = 0;
  private order = 0;
  private readonly heap: Event[] = [];

  /** Microseconds since the world began; may be a fraction. */
  get now(): number {
    return this.time;
  }

  /** Runs `action` at `time` (at once, after what is due already, when that is past). Events of one instant run in order of `at`. */
  at(time: number, action: () => void): Timer {
    if (Number.isNaN(time)) throw new RangeError('an event needs a time');
    const event = new Event(Math.max(time, this.time), this.order++, action);
    this.push(event);
    return event;
  }

  after(delay: number, action: () => void): Timer {
    return this.at(this.time + delay, action);
  }

  /** Runs events until `time`, which is then the time. */
  runUntil(time: number): void {
    this.run(time, () => false);
    this.time = Math.max(this.time, time);
  }

  /** Runs events until the condition holds after one (true), or nothing is left to do before `deadline` (false). */
  run(deadline: number, condition: () => boolean): boolean {
    if (condition()) return true;
    let instant = this.time;
    let events = 0;
    for (;;) {
      const next = this.heap[0];
      if (next === undefined || next.time > deadline) return false;
      this.pop();
      if (next.action === null) continue;
      this.time = next.time;
      if (this.time > instant) {
        instant = this.time;
        events = 0;
      } else if (++events > MAX_EVENTS_PER_INSTANT) {
        throw new Error(`virtual time stands still at ${instant} us`);
      }
      const action = next.action;
      next.action = null;
      action();
      if (condition()) return true;
    }
  }

  private push(event: Event): void {
    const heap = this.heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!event.before(heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.before(heap[child]!)) child++;
      if (!heap[child]!.before(last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
