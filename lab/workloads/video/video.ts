/** Adaptive video: a real player in a browser, an origin, and a real proxy between them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../../error.js';
import { Agent } from '../agent.js';
import { requireNamespaces } from '../browser/backend.js';
import { program } from '../program.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { type Ladder, ladderFolder } from './ladder.js';
import { PLAYER_SERIES, PlayerReport, type PlayerSetup, playerMetrics, playerOutcome, type Seek } from './report.js';
import { hostOf, Squid } from './squid.js';

export interface VideoWorkload extends WorkloadBase, Ladder {
  readonly type: 'video';
  /** Nodes: who watches, and where the video comes from. */
  readonly from: string;
  readonly to: string;
  /** Node that `from` reaches `to` through; null = directly. */
  readonly proxy: string | null;
  /** Height of the level that the player starts with; null = the lowest. */
  readonly start: number | null;
  /** Seconds of video that the player keeps ahead. */
  readonly buffer: number;
  readonly seek: Seek | null;
  /** Seconds. */
  readonly duration: number;
}

const SAMPLE_MS = 500;
/** For a browser to start on a machine that is busy. */
const LAUNCH_MS = 60_000;
const SLACK_MS = 30_000;

export const video: WorkloadKind<VideoWorkload> = {
  programs: ({ proxy }) => ['chromium', 'ffmpeg', ...(proxy === null ? [] : ['squid', 'ss'])],
  headline: ['height_median', 'rate_bps', 'fps', 'rebuffered_s'],
  metrics: playerMetrics,
  series: PLAYER_SERIES,
  // Where there is a proxy, what is emulated is the way to it.
  flow: ({ from, to, proxy }) => ({
    client: from,
    server: proxy ?? to,
    reverse: true,
    transport: 'tcp',
    greedy: false,
  }),
  duration: ({ duration }) => duration,
  withDuration: (workload, duration) => {
    const { seek } = workload;
    const moved = seek && { ...seek, at: (seek.at * duration) / workload.duration };
    return { ...workload, duration, seek: moved };
  },
  async run(workload, { lab, arm, target, addressOf, port, mptcp, settle, signal, ready }) {
    requireNamespaces(lab);
    const { name, from, to, proxy, levels, fps, segment, start, buffer, seek, duration } = workload;
    const ladder: Ladder = { levels, fps, segment };
    const folder = await ladderFolder(ladder, signal);
    const own = join(lab.directory, `video-${name}`);
    await mkdir(own);
    try {
      const origin = { address: proxy === null ? target : addressOf(to, proxy), port };
      if (origin.address === '') throw new LabError('E_LAB_SCENARIO', `${name}: ${proxy ?? from} has no way to ${to}`);
      const served = program('./server', import.meta.url, [String(port), folder, JSON.stringify(ladder)]);
      const direct = mptcp && proxy === null;
      await using _origin = await Agent.start(lab.node(to), served, z.object({}), { mptcp: direct, signal });
      const listen = { address: target, port };
      await using squid =
        proxy === null
          ? null
          : await Squid.start(lab.node(proxy), join(own, 'squid'), listen, origin, { mptcp, signal });
      const setup: PlayerSetup = {
        caption: `${from} · ${name} · ${arm}`,
        manifest: `http://${hostOf(origin.address)}:${port}/manifest.mpd`,
        buffer,
        startRate: levels.find(({ height }) => height === start)?.rate ?? null,
        seek,
        sampleMs: SAMPLE_MS,
      };
      const through = proxy === null ? '' : `${hostOf(listen.address)}:${listen.port}`;
      const watching = program('./client', import.meta.url, [String(duration), through, JSON.stringify(setup)]);
      // The browser's profile is in a folder that goes with the lab, whoever takes it down.
      const options = { mptcp, signal, readyTimeoutMs: LAUNCH_MS, env: { TMPDIR: own } };
      await using player = await Agent.start(lab.node(from), watching, PlayerReport, options);
      await ready();
      player.go();
      const report = await player.result(duration * 1000 + SLACK_MS);
      if (report.frames.length === 0 && report.errors.length > 0) {
        throw new LabError('E_LAB_VIDEO', `workload ${name}: the player showed nothing: ${report.errors[0]}`);
      }
      return {
        ...playerOutcome(report, { duration, settle }, levels, seek),
        versions: { ...report.versions, ...(squid === null ? {} : { squid: squid.version }) },
        files: { [`${from}.png`]: Buffer.from(report.screenshot, 'base64') },
      };
    } finally {
      // A browser that was killed may still write for a moment.
      await rm(own, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};
