import type { Memory } from '../memory.js';
import type { Path } from '../tables/paths.js';
import type { Session } from '../tables/sessions.js';

/** Datagrams that are kept, each in a cell of this size: 100 Mbit/s for 0.2 s. */
const CELLS = 2048;
const CELL_BYTES = 2048;
/** At higher rates the cells would hold next to nothing of a round trip, so that the copies are not worth their time. */
const BUDGET_BYTES = 2 * 1024 * 1024;
const BUDGET_US = 100_000;

/** How often a datagram is sent again: paths that fall silent in turn would else hand it to and fro, and be full of it. */
const HAND_OVERS_MAX = 2;

/** Sends a kept datagram again on a usable path of the peer; undefined = there is none. */
export type Resend = (
  session: Session,
  at: number,
  headerBytes: number,
  bytes: number,
  sequence: number,
  ecnFlags: number,
) => Path | undefined;

/**
 * Copies of what was sent lately, without CM. When a path fails, what it has taken since the last packet that is known to have arrived
 * goes out again on another one, so that neither TCP nor a call sees the failure; the receiver drops what it has by its number.
 */
export class Retention {
  private readonly b: Uint8Array;
  private readonly base: number;
  private readonly paths: (Path | undefined)[] = new Array(CELLS).fill(undefined);
  private readonly sessions: (Session | undefined)[] = new Array(CELLS).fill(undefined);
  private readonly sequence = new Int32Array(CELLS);
  private readonly headerBytes = new Uint8Array(CELLS);
  private readonly bytes = new Int32Array(CELLS);
  private readonly ecnFlags = new Uint8Array(CELLS);
  private readonly sentAt = new Float64Array(CELLS);
  private readonly handOvers = new Uint8Array(CELLS);
  private next = 0;
  private spent = 0;
  private spentSince = Number.NEGATIVE_INFINITY;

  constructor(memory: Memory) {
    this.b = memory.bytes;
    this.base = memory.allocate(CELLS * CELL_BYTES);
  }

  /** Keeps a datagram of a header and a payload that may lie apart. */
  keep(
    session: Session,
    path: Path,
    sequence: number,
    ecnFlags: number,
    headerAt: number,
    headerBytes: number,
    payloadAt: number,
    payloadBytes: number,
    now: number,
  ): void {
    const bytes = headerBytes + payloadBytes;
    if (bytes > CELL_BYTES || !this.affords(bytes, now)) return;
    const cell = this.next;
    this.next = (cell + 1) % CELLS;
    const at = this.base + cell * CELL_BYTES;
    this.b.copyWithin(at, headerAt, headerAt + headerBytes);
    this.b.copyWithin(at + headerBytes, payloadAt, payloadAt + payloadBytes);
    this.paths[cell] = path;
    this.sessions[cell] = session;
    this.sequence[cell] = sequence;
    this.ecnFlags[cell] = ecnFlags;
    this.headerBytes[cell] = headerBytes;
    this.bytes[cell] = bytes;
    this.sentAt[cell] = now;
    this.handOvers[cell] = 0;
  }

  /**
   * Of what was put on `path` and may not have arrived keeps the newest `bytes` only. Returns the rate at which that was sent, bytes/us; 0 = there
   * is nothing.
   */
  trim(path: Path, bytes: number, now: number): number {
    let kept = 0;
    let oldest = now;
    for (let back = 1; back <= CELLS; back++) {
      const cell = (this.next + CELLS - back) % CELLS;
      if (!this.isUnconfirmed(cell, path)) continue;
      if (kept + this.bytes[cell] > bytes) {
        this.paths[cell] = undefined;
        continue;
      }
      kept += this.bytes[cell];
      oldest = this.sentAt[cell];
    }
    return kept / Math.max(1, now - oldest);
  }

  /**
   * Hands about `bytes` of what was put on `path` until `failedAt` and may not have arrived to `resend`, oldest first. Returns how many datagrams.
   * What is sent there later, once the path is back, is under way: handed over as well, it would be sent twice for as long as data flows.
   */
  handOver(path: Path, failedAt: number, bytes: number, resend: Resend, now: number): number {
    let count = 0;
    let left = bytes;
    for (let i = 0; i < CELLS && left > 0; i++) {
      const cell = (this.next + i) % CELLS;
      if (!this.isUnconfirmed(cell, path) || this.sentAt[cell] > failedAt) continue;
      const at = this.base + cell * CELL_BYTES;
      const session = this.sessions[cell]!;
      const other = resend(
        session,
        at,
        this.headerBytes[cell],
        this.bytes[cell],
        this.sequence[cell],
        this.ecnFlags[cell],
      );
      if (other === undefined) return count;
      this.paths[cell] = ++this.handOvers[cell] < HAND_OVERS_MAX ? other : undefined;
      this.sentAt[cell] = now;
      left -= this.bytes[cell];
      count++;
    }
    return count;
  }

  /** The path keeps its order: what was sent before the newest packet that arrived has arrived or is lost to its queue. */
  private isUnconfirmed(cell: number, path: Path): boolean {
    return this.paths[cell] === path && this.sentAt[cell] >= path.confirmedSentAt;
  }

  private affords(bytes: number, now: number): boolean {
    if (now - this.spentSince > BUDGET_US) {
      this.spentSince = now;
      this.spent = 0;
    }
    this.spent += bytes;
    return this.spent <= BUDGET_BYTES;
  }
}
