import type { Arena } from './arena.js';
import { EINTR, POLLIN } from './syscall/constants.js';
import { check, errno, NULL, ppoll } from './syscall/libc.js';

/** What the loop waits for: a descriptor, and what to do when it can be read or has an error. */
export interface Pollable {
  readonly fd: number;
  /** `events` are the POLL* bits that the kernel reported. Must not add to or remove from the poller. */
  ready(events: number, now: number): void;
}

const POLLFD_BYTES = 8;
const TIMESPEC_BYTES = 16;
const CAPACITY = 1024;

/**
 * ppoll over a set of descriptors. Each `dispatch` starts at the next one, so that none is always served last.
 */
export class Poller {
  private readonly members: Pollable[] = [];
  private readonly pollfds: number;
  private readonly timespec: number;
  private first = 0;
  private dispatching = false;

  constructor(private readonly arena: Arena) {
    this.pollfds = arena.memory.allocate(CAPACITY * POLLFD_BYTES);
    this.timespec = arena.memory.allocate(TIMESPEC_BYTES);
  }

  add(member: Pollable): void {
    this.assertIdle();
    if (this.members.length === CAPACITY) throw new RangeError(`more than ${CAPACITY} descriptors to poll`);
    this.members.push(member);
    this.layOut();
  }

  remove(member: Pollable): void {
    this.assertIdle();
    const at = this.members.indexOf(member);
    if (at === -1) return;
    this.members.splice(at, 1);
    this.layOut();
  }

  /** Whether a member is waited for; one that is not stays a member. */
  watch(member: Pollable, watched: boolean): void {
    const at = this.members.indexOf(member);
    // The kernel passes over negative descriptors.
    if (at !== -1) this.arena.i32[(this.pollfds + at * POLLFD_BYTES) >>> 2] = watched ? member.fd : ~member.fd;
  }

  /** Blocks until something is ready or `timeoutUs` have passed (Infinity = for ever). Returns how many are ready. */
  wait(timeoutUs: number): number {
    let timespec = NULL;
    if (timeoutUs !== Number.POSITIVE_INFINITY) {
      const us = Math.max(0, Math.ceil(timeoutUs));
      const seconds = Math.floor(us / 1e6);
      const at = this.timespec >>> 2;
      this.arena.u32[at] = seconds;
      this.arena.u32[at + 2] = (us - seconds * 1e6) * 1000;
      timespec = this.arena.address + this.timespec;
    }
    const ready = ppoll(this.arena.address + this.pollfds, this.members.length, timespec);
    if (ready >= 0) return ready;
    if (errno() === EINTR) {
      this.layOut();
      return 0;
    }
    return check(ready, 'ppoll');
  }

  /** Calls `ready` of everything that the last `wait` found. */
  dispatch(now: number): void {
    const count = this.members.length;
    this.first = this.first + 1 < count ? this.first + 1 : 0;
    this.dispatching = true;
    try {
      for (let i = 0, at = this.first; i < count; i++, at = at + 1 < count ? at + 1 : 0) {
        const events = this.arena.u32[((this.pollfds + at * POLLFD_BYTES) >>> 2) + 1] >>> 16;
        if (events !== 0) this.members[at].ready(events, now);
      }
    } finally {
      this.dispatching = false;
    }
  }

  private layOut(): void {
    let at = this.pollfds >>> 2;
    for (const member of this.members) {
      this.arena.i32[at] = member.fd;
      this.arena.u32[at + 1] = POLLIN;
      at += 2;
    }
  }

  private assertIdle(): void {
    if (this.dispatching) throw new Error('the set of polled descriptors changed while it was being served');
  }
}
