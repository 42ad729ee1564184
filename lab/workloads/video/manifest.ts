/** The manifest of an adaptive video (MPEG-DASH, ISO/IEC 23009-1), and the names that it gives to segments. Pure. */
import type { Track } from './boxes.js';
import { type Ladder, type Level, nameOf, widthOf } from './ladder.js';

/** Seconds of the video: longer than anybody watches. */
const VIDEO_SECONDS = 3600;

const MILLISECONDS = 1000;

/** `tracks`: of the levels, in their order. */
export function manifestOf({ levels, fps, segment }: Ladder, tracks: readonly Track[]): string {
  const representations = levels.map(
    (level, i) =>
      `      <Representation id="${nameOf(level)}" bandwidth="${level.rate}" width="${widthOf(level)}" height="${level.height}" ` +
      `frameRate="${fps}" codecs="${tracks[i]!.codec}"/>`,
  );
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"',
    `     mediaPresentationDuration="PT${VIDEO_SECONDS}S" minBufferTime="PT${segment}S">`,
    '  <Period id="0" start="PT0S">',
    '    <AdaptationSet contentType="video" mimeType="video/mp4" par="16:9" segmentAlignment="true" startWithSAP="1">',
    `      <SegmentTemplate timescale="${MILLISECONDS}" duration="${Math.round(segment * MILLISECONDS)}" startNumber="1"`,
    '                       initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number$.m4s"/>',
    ...representations,
    '    </AdaptationSet>',
    '  </Period>',
    '</MPD>',
    '',
  ].join('\n');
}

/** What a path of a URL asks for: the index of a level, and a segment's number from 1 or the initialization segment. */
export interface Asked {
  readonly level: number;
  readonly segment: number | 'init';
}

/** null: there is no such thing. */
export function askedBy(path: string, { levels, segment }: Ladder): Asked | null {
  const [, name, file = ''] = /^\/(\w+)\/(init\.mp4|[1-9]\d{0,5}\.m4s)$/.exec(path) ?? [];
  const level = levels.findIndex((own: Level) => nameOf(own) === name);
  if (level < 0) return null;
  if (file === 'init.mp4') return { level, segment: 'init' };
  const number = Number.parseInt(file, 10);
  return number > Math.ceil(VIDEO_SECONDS / segment) ? null : { level, segment: number };
}
