/**
 * The control message block: 25 bytes at the end of every MPIP datagram (paper section 3.1, Table 1; layout in docs/wire.md).
 * With authentication an 8-byte tag follows it.
 */
import { get16, get24, get32, set16, set24, set32 } from '../memory.js';

export const CM_BYTES = 25;
export const TAG_BYTES = 8;
export const CM_VERSION = 1;

export const CmFlag = {
  ADDRESS_CHANGE: 0x01,
  DUPLICATE: 0x02,
  /** A tag follows the block. */
  AUTHENTICATED: 0x04,
  /** The sender opened the session: says in whose number space the session id is. */
  FROM_OPENER: 0x08,
  /** The inner packet's ECN field (RFC 3168), 2 bits. */
  ECN: 0x30,
  /** Feedback path id and delay are valid. */
  FEEDBACK: 0x40,
  /** The session has lately begun to use another path: a gap may be its first packets, still under way. */
  PATH_BEGINS: 0x80,
} as const;

export const CM_ECN_SHIFT = 4;

const field = {
  TYPE: 0,
  FLAGS: 1,
  NODE: 2,
  SESSION: 6,
  PATH: 8,
  FEEDBACK_PATH: 9,
  TIMESTAMP: 10,
  DELAY: 14,
  SEQUENCE: 18,
  DIGEST: 22,
} as const;

/** Writes a block at `at`. Times are us mod 2^32, `delay` signed. */
export function writeCm(
  b: Uint8Array,
  at: number,
  type: number,
  flags: number,
  node: number,
  session: number,
  path: number,
  feedbackPath: number,
  timestamp: number,
  delay: number,
  sequence: number,
  digest: number,
): void {
  b[at] = (CM_VERSION << 4) | type;
  b[at + field.FLAGS] = flags;
  set32(b, at + field.NODE, node);
  set16(b, at + field.SESSION, session);
  b[at + field.PATH] = path;
  b[at + field.FEEDBACK_PATH] = feedbackPath;
  set32(b, at + field.TIMESTAMP, timestamp);
  set32(b, at + field.DELAY, delay);
  set32(b, at + field.SEQUENCE, sequence);
  set24(b, at + field.DIGEST, digest);
}

/** Of a `bind` block, where timestamp and delay stand otherwise. */
export const CHALLENGE_BYTES = 8;
export const cmChallengeAt = (at: number): number => at + field.TIMESTAMP;

/** Whether a block of our version may stand at `at`, with or without the flag for a tag. */
export function looksLikeCm(b: Uint8Array, at: number, authenticated: boolean): boolean {
  return b[at] >> 4 === CM_VERSION && ((b[at + field.FLAGS] & CmFlag.AUTHENTICATED) !== 0) === authenticated;
}

export const cmType = (b: Uint8Array, at: number): number => b[at] & 0x0f;
export const cmFlags = (b: Uint8Array, at: number): number => b[at + field.FLAGS];
/** Signed 32 bits, as all keys of tables are. */
export const cmNode = (b: Uint8Array, at: number): number => get32(b, at + field.NODE);
export const cmSession = (b: Uint8Array, at: number): number => get16(b, at + field.SESSION);
export const cmPath = (b: Uint8Array, at: number): number => b[at + field.PATH];
export const cmFeedbackPath = (b: Uint8Array, at: number): number => b[at + field.FEEDBACK_PATH];
export const cmTimestamp = (b: Uint8Array, at: number): number => get32(b, at + field.TIMESTAMP);
export const cmDelay = (b: Uint8Array, at: number): number => get32(b, at + field.DELAY);
export const cmSequence = (b: Uint8Array, at: number): number => get32(b, at + field.SEQUENCE);
export const cmDigest = (b: Uint8Array, at: number): number => get24(b, at + field.DIGEST);
