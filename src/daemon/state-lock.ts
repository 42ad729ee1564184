import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LOCK_EX } from '../host/syscall/constants.js';
import { errno, flock } from '../host/syscall/libc.js';
import { SystemError } from '../host/syscall/system-error.js';

/** flock(2). */
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/** Another daemon uses the state directory. */
export class AlreadyRunningError extends Error {
  readonly code = 'E_ALREADY_RUNNING';
  override readonly name = 'AlreadyRunningError';

  constructor(
    readonly stateDirectory: string,
    /** undefined when the other daemon has not written it yet. */
    readonly pid: number | undefined,
  ) {
    const who = pid === undefined ? '' : ` (pid ${pid})`;
    super(
      `mpipd is already running with the state directory ${stateDirectory}${who}: stop it, or name another directory (state:)`,
    );
  }
}

/** The state directory cannot be used. */
export class StateDirectoryError extends Error {
  readonly code = 'E_STATE_DIRECTORY';
  override readonly name = 'StateDirectoryError';
}

/**
 * One daemon a state directory. The file `mpipd.pid` there holds the process id and is locked as long as the process lives, however it
 * ends, so that there is nothing to guess about a file that was left behind.
 */
export class StateLock implements Disposable {
  #fd: number | undefined;

  private constructor(
    fd: number,
    private readonly file: string,
  ) {
    this.#fd = fd;
  }

  /** Throws AlreadyRunningError, StateDirectoryError. */
  static acquire(stateDirectory: string): StateLock {
    const file = join(stateDirectory, 'mpipd.pid');
    try {
      mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
      for (;;) {
        const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o644);
        try {
          lock(fd, file, stateDirectory);
          if (isAt(fd, file)) {
            ftruncateSync(fd);
            writeSync(fd, `${process.pid}\n`);
            return new StateLock(fd, file);
          }
        } catch (error) {
          closeSync(fd);
          throw error;
        }
        // Its owner removed it between open and lock.
        closeSync(fd);
      }
    } catch (error) {
      if (error instanceof AlreadyRunningError) throw error;
      throw new StateDirectoryError(`state directory ${stateDirectory}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    // While it is locked nobody else takes the file for theirs.
    if (isAt(this.#fd, this.file)) unlinkSync(this.file);
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function lock(fd: number, file: string, stateDirectory: string): void {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return;
  const code = errno();
  if (code !== EWOULDBLOCK) throw new SystemError(`flock ${file}`, code);
  const pid = Number.parseInt(readFileSync(fd, 'latin1'), 10);
  throw new AlreadyRunningError(stateDirectory, Number.isNaN(pid) ? undefined : pid);
}

/** Whether the open file is still the one with this name. */
function isAt(fd: number, file: string): boolean {
  const named = statSync(file, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  return named?.ino === open.ino && named.dev === open.dev;
}
