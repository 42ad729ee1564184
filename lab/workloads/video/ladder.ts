/** The levels of an adaptive video: made once with ffmpeg, at constant bitrates, and kept. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../browser/cache.js';
import { ffmpeg } from '../browser/ffmpeg.js';

export interface Level {
  /** Pixels; the picture is 16:9. */
  readonly height: number;
  /** bit/s of the encoded video. */
  readonly rate: number;
}

export interface Ladder {
  /** From the lowest rate to the highest. */
  readonly levels: readonly Level[];
  readonly fps: number;
  /** Seconds of a segment; a whole number of pictures. */
  readonly segment: number;
}

/** About so many seconds are encoded; the origin serves them again and again (boxes.ts). */
const LOOP_SECONDS = 12;
/** How far the encoder may run ahead of the rate; of a second more than this it would give the first segment a fifth more than its share. */
const RATE_SECONDS = 0.5;

/** Segments until the picture starts again. */
export function segmentsOf({ segment }: Ladder): number {
  return Math.max(1, Math.round(LOOP_SECONDS / segment));
}

/** As its URL and its metrics have it: "1080p". */
export function nameOf({ height }: Level): string {
  return `${height}p`;
}

export function widthOf({ height }: Level): number {
  return Math.round((height * 16) / 9 / 2) * 2;
}

/** Files of the folder that ladderFolder() gives; `number` of a segment from 1. */
export function initFile(level: number): string {
  return `init-${level}.m4s`;
}

export function segmentFile(level: number, number: number): string {
  return `segment-${level}-${String(number).padStart(5, '0')}.m4s`;
}

/**
 * Folder with the segments of all levels. Throws as ffmpeg() does. x264 fills up to the rate what a simple picture does not need (nal-hrd=cbr), so
 * that the picture may be one that costs little to encode and to show.
 */
export function ladderFolder(ladder: Ladder, signal: AbortSignal): Promise<string> {
  const options = encoderOptions(ladder);
  const key = createHash('sha256').update(options.join(' ')).digest('hex').slice(0, 12);
  return cached(`ladder-${key}`, async (path) => {
    await mkdir(path);
    await ffmpeg([...options, join(path, 'manifest.mpd')], signal);
  });
}

/** Of ffmpeg, without the file to write. */
export function encoderOptions(ladder: Ladder): string[] {
  const { levels, fps, segment } = ladder;
  const top = Math.max(...levels.map(({ height }) => height));
  const seconds = segmentsOf(ladder) * segment;
  const pictures = Math.round(segment * fps);
  const source = `testsrc2=size=${widthOf({ height: top, rate: 0 })}x${top}:rate=${fps}:duration=${seconds}`;
  const scaled = levels.map((level, i) => `[s${i}]scale=${widthOf(level)}:${level.height}[v${i}]`);
  const filter = `[0:v]format=yuv420p,split=${levels.length}${levels.map((_, i) => `[s${i}]`).join('')};${scaled.join(';')}`;
  return [
    ...['-f', 'lavfi', '-i', source, '-filter_complex', filter],
    ...levels.flatMap(({ rate }, i) => [
      ...[
        '-map',
        `[v${i}]`,
        `-b:v:${i}`,
        String(rate),
        `-minrate:v:${i}`,
        String(rate),
        `-maxrate:v:${i}`,
        String(rate),
      ],
      ...[`-bufsize:v:${i}`, String(rate * RATE_SECONDS)],
    ]),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'nal-hrd=cbr:force-cfr=1'],
    ...['-g', String(pictures), '-keyint_min', String(pictures), '-sc_threshold', '0'],
    ...['-f', 'dash', '-seg_duration', String(segment), '-use_template', '1', '-use_timeline', '0'],
    ...[
      '-init_seg_name',
      'init-$RepresentationID$.m4s',
      '-media_seg_name',
      'segment-$RepresentationID$-$Number%05d$.m4s',
    ],
  ];
}
