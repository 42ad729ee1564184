import { Arena } from './arena.js';
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK } from './syscall/constants.js';
import { check, close, errno, eventfd, read, write } from './syscall/libc.js';
import { SystemError } from './syscall/system-error.js';

const COUNTER_BYTES = 8;

/** An eventfd by which one thread wakes another that is blocked in ppoll. Either end is made in its own thread. */
export class Wake implements Disposable {
  private readonly memory = Arena.allocate(COUNTER_BYTES);
  private closed = false;

  private constructor(
    readonly fd: number,
    private readonly owner: boolean,
  ) {}

  static create(): Wake {
    return new Wake(check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd'), true);
  }

  /** The other thread's end of a Wake whose descriptor came in a message; it does not close it. */
  static attach(fd: number): Wake {
    return new Wake(fd, false);
  }

  /** Wakes the other thread; many signals before it looks are one. */
  signal(): void {
    if (this.closed) return;
    this.memory.u32[0] = 1;
    this.memory.u32[1] = 0;
    if (write(this.fd, this.memory.address, COUNTER_BYTES) !== -1) return;
    const error = errno();
    if (error !== EAGAIN) throw new SystemError('write eventfd', error);
  }

  /** Takes the signals in, so that the descriptor is no longer readable. */
  clear(): void {
    read(this.fd, this.memory.address, COUNTER_BYTES);
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    if (this.owner) close(this.fd);
    this.memory[Symbol.dispose]();
  }
}
