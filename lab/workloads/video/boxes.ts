/** Boxes of fragmented MP4 files (ISO/IEC 14496-12): what a manifest says of a track, and segments at another time of it. Pure. */

export interface Track {
  /** Ticks in a second. */
  readonly timescale: number;
  /** As in RFC 6381: "avc1.42c028". */
  readonly codec: string;
}

const HEADER_BYTES = 8;
/** Version and flags of a full box. */
const FULL_BYTES = 4;

/** Of an initialization segment with one track of H.264. Throws RangeError when it is not one. */
export function trackOf(init: Buffer): Track {
  const media = contentOf(init, ['moov', 'trak', 'mdia', 'mdhd']);
  const times = media[0] === 1 ? 8 : 4;
  const timescale = media.readUInt32BE(FULL_BYTES + 2 * times);
  // The description of samples holds the decoder's configuration behind fields of its own (ISO/IEC 14496-15, section 5.4.2.1).
  const description = contentOf(init, ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd']);
  const configuration = description.indexOf('avcC', 0, 'latin1') + 'avcC'.length;
  if (configuration < 'avcC'.length) throw new RangeError('the track is not H.264');
  return { timescale, codec: `avc1.${description.subarray(configuration + 1, configuration + 4).toString('hex')}` };
}

/** The segment as the one of this number, so many ticks later. */
export function movedSegment(segment: Buffer, number: number, ticks: bigint): Buffer {
  const moved = Buffer.from(segment);
  contentOf(moved, ['moof', 'mfhd']).writeUInt32BE(number, FULL_BYTES);
  addTicks(contentOf(moved, ['moof', 'traf', 'tfdt']), FULL_BYTES, ticks);
  const index = find(moved, 'sidx');
  // Behind the track's number and its timescale.
  if (index !== undefined) addTicks(index, FULL_BYTES + 8, ticks);
  return moved;
}

/** Times are of 32 bits in version 0 of a box, of 64 in version 1. */
function addTicks(content: Buffer, offset: number, ticks: bigint): void {
  if (content[0] === 1) content.writeBigUInt64BE(content.readBigUInt64BE(offset) + ticks, offset);
  else content.writeUInt32BE(Number(BigInt(content.readUInt32BE(offset)) + ticks), offset);
}

/** Of the first box of this path, without its header. Throws RangeError where there is none. */
function contentOf(boxes: Buffer, path: readonly string[]): Buffer {
  return path.reduce((outer, type) => {
    const inner = find(outer, type);
    if (inner === undefined) throw new RangeError(`no box ${path.join('/')}`);
    return inner;
  }, boxes);
}

function find(boxes: Buffer, type: string): Buffer | undefined {
  for (let at = 0; at + HEADER_BYTES <= boxes.length; ) {
    const size = boxes.readUInt32BE(at);
    if (size < HEADER_BYTES || at + size > boxes.length) throw new RangeError(`a box of ${size} bytes at ${at}`);
    if (boxes.toString('latin1', at + 4, at + HEADER_BYTES) === type)
      return boxes.subarray(at + HEADER_BYTES, at + size);
    at += size;
  }
  return undefined;
}
