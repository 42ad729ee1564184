/** Something that wants to be called at a time. Made once per session, peer or path; set and reset as often as needed. */
export class Timer {
  /** us; Infinity = not set. */
  due = Number.POSITIVE_INFINITY;
  /** Place in the heap, -1 when not set. */
  index = -1;

  constructor(readonly fire: (now: number) => void) {}
}

/** Binary heap of timers by due time. */
export class TimerQueue {
  private readonly heap: Timer[] = [];

  /** Earliest due time, us; Infinity when there is none. */
  next(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0].due;
  }

  set(timer: Timer, due: number): void {
    if (timer.index < 0) {
      timer.index = this.heap.length;
      this.heap.push(timer);
    }
    // Clocks tell whole microseconds: a timer between two of them would be due and never fire.
    timer.due = Math.ceil(due);
    this.up(timer.index);
    this.down(timer.index);
  }

  /** As `set`, but never later than it is due already. */
  setEarlier(timer: Timer, due: number): void {
    if (due < timer.due) this.set(timer, due);
  }

  clear(timer: Timer): void {
    const at = timer.index;
    if (at < 0) return;
    timer.index = -1;
    timer.due = Number.POSITIVE_INFINITY;
    const last = this.heap.pop()!;
    if (last === timer) return;
    this.place(last, at);
    this.up(at);
    this.down(last.index);
  }

  /** Fires all that is due. A timer is unset before it fires, so that it may set itself again. */
  run(now: number): void {
    for (let timer = this.heap[0]; timer !== undefined && timer.due <= now; timer = this.heap[0]) {
      this.clear(timer);
      timer.fire(now);
    }
  }

  private place(timer: Timer, at: number): void {
    this.heap[at] = timer;
    timer.index = at;
  }

  private up(from: number): void {
    let at = from;
    const timer = this.heap[at];
    while (at > 0) {
      const parent = this.heap[(at - 1) >> 1];
      if (parent.due <= timer.due) break;
      this.place(parent, at);
      at = (at - 1) >> 1;
    }
    this.place(timer, at);
  }

  private down(from: number): void {
    let at = from;
    const timer = this.heap[at];
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && this.heap[child + 1].due < this.heap[child].due) child++;
      if (this.heap[child].due >= timer.due) break;
      this.place(this.heap[child], at);
      at = child;
    }
    this.place(timer, at);
  }
}
