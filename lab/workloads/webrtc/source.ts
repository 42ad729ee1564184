/** What stands in for a camera. */
import { resolve } from 'node:path';
import { cached } from '../browser/cache.js';
import { ffmpeg } from '../browser/ffmpeg.js';
import type { VideoSetup } from './report.js';

/**
 * `camera`: the browser's own test picture, which needs little rate (0.8 Mbit/s at 640x480). `detailed`: a picture with so much grain that an
 * encoder takes any rate that it gets. Else a file of raw video (.y4m) or pictures (.mjpeg).
 */
export type Source = string;

const CAMERA: Source = 'camera';
export const DETAILED: Source = 'detailed';

const SECONDS = 8;

/** The file for the browser; null = its own test picture. `directory`: what paths start from. Throws as ffmpeg() does. */
export async function sourceFile(
  source: Source,
  { width, height, fps }: VideoSetup,
  directory: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (source === CAMERA) return null;
  if (source !== DETAILED) return resolve(directory, source);
  return cached(`detailed-${width}x${height}-${fps}.mjpeg`, (path) =>
    ffmpeg(
      [
        ...['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${fps}:duration=${SECONDS}`],
        ...['-vf', 'noise=alls=12:allf=t+u:all_seed=1', '-pix_fmt', 'yuvj420p', '-q:v', '4', '-f', 'mjpeg', path],
      ],
      signal,
    ),
  );
}
