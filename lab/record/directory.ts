/**
 * The directory of a lab: its record, its plan, and the files of its nodes. Nothing of a lab is on disk anywhere else.
 * It appears complete and vanishes complete, by rename, so a crash at any point leaves either a lab that `down` can read or
 * a remainder that no longer matters.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../error.js';
import type { Plan } from '../plan/plan.js';
import { identify, isAlive } from './identity.js';
import type { LabRecord } from './record.js';

const DEFAULT_STATE = '/run/mpip-lab';
/** Directories that are being made or removed; the name of a lab never starts with a dot. */
const PASSING = /^\.(?:new|gone)-(\d+)-(\d+)-/;

/** Where all labs of the machine are: $MPIP_LAB_STATE or /run/mpip-lab. */
function stateDirectory(): string {
  return process.env.MPIP_LAB_STATE || DEFAULT_STATE;
}

/** The directory of a lab, which need not exist. */
export function labPath(lab: string): string {
  return join(stateDirectory(), lab);
}

export class LabDirectory {
  readonly path: string;
  #record: LabRecord;

  private constructor(path: string, record: LabRecord) {
    this.path = path;
    this.#record = record;
  }

  /** Throws LabError (E_LAB_EXISTS) when a lab of that name exists. */
  static create(record: LabRecord, plan: Plan): LabDirectory {
    const path = labPath(record.lab);
    const fresh = join(stateDirectory(), passingName('new', record.lab));
    makeDirectory(fresh);
    for (const { name } of plan.nodes) mkdirSync(join(fresh, name));
    writePlan(fresh, plan);
    writeFileSync(join(fresh, 'record.json'), JSON.stringify(record));
    try {
      // Fails when the name is taken, since a lab's directory is never empty.
      renameSync(fresh, path);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      throw existsError(record.lab);
    }
    return new LabDirectory(path, record);
  }

  /** Throws LabError (E_LAB_EXISTS); `create` does too, for those who ask at the same time. */
  static mustNotExist(lab: string): void {
    if (existsSync(labPath(lab))) throw existsError(lab);
  }

  /** Throws LabError (E_LAB_UNKNOWN). */
  static open(lab: string): LabDirectory {
    const path = labPath(lab);
    const record = readRecord(path);
    if (record === undefined) {
      const known = labNames();
      const message = `no lab is named ${JSON.stringify(lab)}; labs: ${known.length > 0 ? known.join(', ') : 'none'}`;
      throw new LabError('E_LAB_UNKNOWN', message);
    }
    return new LabDirectory(path, record);
  }

  /** As this process knows it; what others changed since comes with `refresh`. */
  get record(): LabRecord {
    return this.#record;
  }

  /**
   * Changes what the file says now, since other processes may work on the same lab. Throws LabError (E_LAB_GONE) when somebody
   * took the lab down meanwhile; the record in memory is changed all the same.
   */
  update(change: (record: LabRecord) => Partial<LabRecord>): void {
    const current = this.refresh();
    this.#record = { ...current, ...change(current) };
    this.#replace('record.json', this.#record);
  }

  /** The record as the file says now; as it was when there is none any more. */
  refresh(): LabRecord {
    this.#record = readRecord(this.path) ?? this.#record;
    return this.#record;
  }

  get plan(): Plan {
    return JSON.parse(readFileSync(join(this.path, 'plan.json'), 'utf8'));
  }

  /** Throws as `update` does. */
  updatePlan(plan: Plan): void {
    this.#replace('plan.json', plan);
  }

  /** Files of one node: configuration, logs, sockets. */
  of(node: string): string {
    return join(this.path, node);
  }

  /** Idempotent. */
  remove(): void {
    const gone = join(stateDirectory(), passingName('gone', this.#record.lab));
    try {
      renameSync(this.path, gone);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    rmSync(gone, { recursive: true, force: true });
    removeRemainders();
  }

  #replace(file: string, content: unknown): void {
    const fresh = join(this.path, `.${file}.${process.pid}`);
    try {
      writeFileSync(fresh, JSON.stringify(content));
      renameSync(fresh, join(this.path, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new LabError('E_LAB_GONE', `lab ${this.#record.lab} was taken down by somebody else`, { cause: error });
    }
  }
}

/** Of all labs, in order of name. */
export function labNames(): string[] {
  return entries().filter((name) => !name.startsWith('.'));
}

/** What makers and removers that died left behind, and the state directory itself when it is empty. */
export function removeRemainders(): void {
  for (const name of entries()) {
    const [, pid, start] = PASSING.exec(name) ?? [];
    if (pid === undefined || isAlive({ pid: Number(pid), start: Number(start) })) continue;
    rmSync(join(stateDirectory(), name), { recursive: true, force: true });
  }
  try {
    rmdirSync(stateDirectory());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EBUSY') throw error;
  }
}

function entries(): string[] {
  try {
    return readdirSync(stateDirectory()).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function existsError(lab: string): LabError {
  return new LabError('E_LAB_EXISTS', `a lab named ${lab} exists already; end it with: mpip-lab down ${lab}`);
}

function readRecord(path: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(path, 'record.json'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function writePlan(directory: string, plan: Plan): void {
  writeFileSync(join(directory, 'plan.json'), JSON.stringify(plan));
}

/** The state directory may vanish between its making and the making of what is in it, when another lab's end finds it empty. */
function makeDirectory(path: string): void {
  for (let attempt = 0; ; attempt++) {
    try {
      mkdirSync(stateDirectory(), { recursive: true, mode: 0o755 });
      mkdirSync(path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 10) throw error;
    }
  }
}

function passingName(kind: 'new' | 'gone', lab: string): string {
  return `.${kind}-${process.pid}-${identify(process.pid)?.start ?? 0}-${lab}`;
}
