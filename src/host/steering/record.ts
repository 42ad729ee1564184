/**
 * What a process is about to change on the machine, written down before it does, so that the next start can undo it after `kill -9`.
 * One record a state directory: its owner is named by pid and start time, which no two processes of one boot share.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCK_EX } from '../syscall/constants.js';
import { check, flock } from '../syscall/libc.js';
import { fields, integer, oneOf, type Read, text } from './record-fields.js';

const VERSION = 1;
const FILE = 'record.json';

interface Owner {
  readonly pid: number;
  /** Clock ticks since boot (/proc/PID/stat, field 22). */
  readonly startTime: string;
  readonly bootId: string;
  /** Network namespace: device and rule numbers mean nothing in another one. */
  readonly networkNamespace: string;
}

const readOwner = fields<Owner>({ pid: integer, startTime: text, bootId: text, networkNamespace: text });

/** The state directory belongs to a process that runs. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
  readonly code = 'E_ALREADY_RUNNING';

  constructor(
    readonly pid: number,
    readonly directory: string,
  ) {
    super(`process ${pid} is running with state directory ${directory}: stop it, or use another directory`);
  }
}

/** There is a record, but not one that this version can read. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly code = 'E_RECORD';

  constructor(
    readonly path: string,
    options: ErrorOptions,
  ) {
    super(`${path} is no record of this version: what it stands for cannot be undone; remove it to go on`, options);
  }
}

/** A record of this process. */
export class StateRecord<Changes> {
  private constructor(
    private readonly directory: string,
    private readonly owner: Owner,
  ) {}

  /**
   * Makes the state directory this process's own. What a dead owner recorded is handed to `undo` first, if it was done in this network
   * namespace since the machine started; its record goes when `undo` has returned. Throws AlreadyRunningError, RecordError.
   */
  static claim<Changes>(
    directory: string,
    changes: Changes,
    readChanges: Read<Changes>,
    undo: (changes: Changes) => void,
  ): StateRecord<Changes> {
    return locked(directory, () => {
      settle(directory, readChanges, undo);
      const record = new StateRecord<Changes>(directory, self());
      record.write(changes);
      return record;
    });
  }

  /** Undoes what a dead owner recorded, as `claim` does. Returns whether `undo` was called. Throws AlreadyRunningError, RecordError. */
  static settle<Changes>(directory: string, readChanges: Read<Changes>, undo: (changes: Changes) => void): boolean {
    return locked(directory, () => settle(directory, readChanges, undo));
  }

  /** Replaces the record, in one step. */
  write(changes: Changes): void {
    const path = join(this.directory, FILE);
    const next = `${path}.${this.owner.pid}`;
    writeFileSync(next, `${JSON.stringify({ version: VERSION, owner: this.owner, changes }, undefined, 2)}\n`);
    renameSync(next, path);
  }

  remove(): void {
    rmSync(join(this.directory, FILE), { force: true });
  }
}

/** Runs `action` while no other process looks at or changes the record. */
function locked<T>(directory: string, action: () => T): T {
  mkdirSync(directory, { recursive: true });
  const fd = openSync(directory, 'r');
  try {
    check(flock(fd, LOCK_EX), `flock ${directory}`);
    return action();
  } finally {
    closeSync(fd);
  }
}

function settle<Changes>(directory: string, readChanges: Read<Changes>, undo: (changes: Changes) => void): boolean {
  const path = join(directory, FILE);
  const record = read(path, readChanges);
  if (record === undefined) return false;
  const { owner, changes } = record;
  if (isAlive(owner)) throw new AlreadyRunningError(owner.pid, directory);
  const here = owner.bootId === bootId() && owner.networkNamespace === networkNamespace();
  if (here) undo(changes);
  rmSync(path);
  return here;
}

function read<Changes>(path: string, readChanges: Read<Changes>): { owner: Owner; changes: Changes } | undefined {
  let json: string;
  try {
    json = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const readRecord = fields({ version: oneOf(VERSION), owner: readOwner, changes: readChanges });
    return readRecord(JSON.parse(json));
  } catch (cause) {
    throw new RecordError(path, { cause });
  }
}

function isAlive(owner: Owner): boolean {
  return owner.bootId === bootId() && owner.startTime === startTime(owner.pid);
}

function self(): Owner {
  const started = startTime(process.pid);
  if (started === undefined) throw new Error(`/proc/${process.pid}/stat names no start time: is /proc mounted?`);
  return { pid: process.pid, startTime: started, bootId: bootId(), networkNamespace: networkNamespace() };
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function networkNamespace(): string {
  return readlinkSync('/proc/self/ns/net');
}

/** undefined when there is no such process, or only its exit status is left. */
function startTime(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  // The command's name may hold spaces and parentheses; the third field follows its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : fields[22 - 3];
}

/** ESRCH: the process ended while its file was read. */
function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
