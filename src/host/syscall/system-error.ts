import { getSystemErrorMap } from 'node:util';

/** A system call failed. `errno` is positive, `errnoName` its symbol ("ENOENT"), `syscall` what was tried ("bind 10.1.0.1:6747"). */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code = 'E_SYSTEM';
  readonly errnoName: string;

  constructor(
    readonly syscall: string,
    readonly errno: number,
  ) {
    const [name, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${syscall}: ${text} (${name})`);
    this.errnoName = name;
  }
}
