/** What a receiver tells of the paths: a TLV of records of fixed length. */
import { get16, get32, set16, set32 } from '../memory.js';
import type { TlvReader, TlvWriter } from './tlv.js';

/** Paths that one report has room for; whoever has more sends several. */
export const MAX_REPORT_PATHS = 38;

/** What a receiver has seen of one path. Counters are cumulative, unsigned mod 2^32. */
export interface PathReport {
  readonly path: number;
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
  /** Receiver's clock, us mod 2^32. */
  readonly lastArrival: number;
  /** One-way delays, us, signed: their zero is the unknown clock offset. */
  readonly delay: number;
  readonly minDelay: number;
  /** us. */
  readonly jitter: number;
  /** Longest datagram since the report before, bytes of UDP payload: shows that its size gets through. */
  readonly longest: number;
}

/** Offsets in a record. */
const offset = {
  path: 0,
  packets: 1,
  bytes: 5,
  lost: 9,
  lastArrival: 13,
  delay: 17,
  minDelay: 21,
  jitter: 25,
  longest: 29,
} as const;
const RECORD_BYTES = 31;

/** Throws RangeError when there are too many. */
export function writePathReports(writer: TlvWriter, type: number, paths: readonly PathReport[]): void {
  if (paths.length > MAX_REPORT_PATHS) {
    throw new RangeError(`a report holds ${MAX_REPORT_PATHS} paths, not ${paths.length}`);
  }
  const { b } = writer;
  let i = writer.begin(type, paths.length * RECORD_BYTES);
  for (const path of paths) {
    b[i + offset.path] = path.path;
    set32(b, i + offset.packets, path.packets);
    set32(b, i + offset.bytes, path.bytes);
    set32(b, i + offset.lost, path.lost);
    set32(b, i + offset.lastArrival, path.lastArrival);
    set32(b, i + offset.delay, path.delay);
    set32(b, i + offset.minDelay, path.minDelay);
    set32(b, i + offset.jitter, path.jitter);
    set16(b, i + offset.longest, path.longest);
    i += RECORD_BYTES;
  }
}

/** undefined = missing or malformed. */
export function readPathReports(reader: TlvReader, type: number): PathReport[] | undefined {
  const value = reader.find(type);
  if (value < 0) return undefined;
  const size = reader.size(value);
  if (size % RECORD_BYTES !== 0) return undefined;
  const { b } = reader;
  const paths: PathReport[] = [];
  for (let i = value; i < value + size; i += RECORD_BYTES) {
    paths.push({
      path: b[i + offset.path],
      packets: get32(b, i + offset.packets) >>> 0,
      bytes: get32(b, i + offset.bytes) >>> 0,
      lost: get32(b, i + offset.lost) >>> 0,
      lastArrival: get32(b, i + offset.lastArrival) >>> 0,
      delay: get32(b, i + offset.delay),
      minDelay: get32(b, i + offset.minDelay),
      jitter: get32(b, i + offset.jitter) >>> 0,
      longest: get16(b, i + offset.longest),
    });
  }
  return paths;
}
