/** A video call between real browsers in two nodes. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from '../agent.js';
import { requireNamespaces } from '../browser/backend.js';
import { program } from '../program.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { callMetrics, callOutcome, PeerReport, type PeerSetup, type VideoSetup } from './report.js';
import { Signalling } from './signalling.js';
import { DETAILED, type Source, sourceFile } from './source.js';

export interface WebrtcWorkload extends WorkloadBase {
  readonly type: 'webrtc';
  /** Nodes: who calls, and who is called. */
  readonly from: string;
  readonly to: string;
  readonly source: Source;
  readonly video: VideoSetup;
  readonly audio: boolean;
  /** Audio and video share a connection (RFC 9143). */
  readonly bundle: boolean;
  /** Only `from` has a camera and a microphone. */
  readonly oneWay: boolean;
  /** Seconds. */
  readonly duration: number;
}

const SAMPLE_MS = 500;
/** For a browser to start on a machine that is busy. */
const LAUNCH_MS = 60_000;
const SLACK_MS = 30_000;

export const webrtc: WorkloadKind<WebrtcWorkload> = {
  programs: ({ source }) => (source === DETAILED ? ['chromium', 'ffmpeg'] : ['chromium']),
  headline: ['forward.video_rate_bps', 'forward.fps', 'forward.frame_gap_max_s', 'forward.audio_delay_median_s'],
  metrics: callMetrics,
  flow: ({ from, to }) => ({ client: from, server: to, reverse: false, transport: 'udp', greedy: false }),
  duration: ({ duration }) => duration,
  withDuration: (workload, duration) => ({ ...workload, duration }),
  async run(workload, { lab, arm, directory, settle, events, signal, ready }) {
    requireNamespaces(lab);
    const { name, from, to, source, video, audio, bundle, oneWay, duration } = workload;
    const file = await sourceFile(source, video, directory, signal);
    const own = join(lab.directory, `webrtc-${name}`);
    await mkdir(own);
    try {
      await using signalling = await Signalling.listen(join(own, 'signalling'));
      const peer = (node: string, role: Pick<PeerSetup, 'offers' | 'sends'>) => {
        const caption = `${node} · ${name} · ${arm}`;
        const setup: PeerSetup = { ...role, caption, bundle, audio, video, file, sampleMs: SAMPLE_MS };
        const words = [signalling.path, String(duration), JSON.stringify(setup)];
        // The browser's profile is in a folder that goes with the lab, whoever takes it down.
        const options = { signal, readyTimeoutMs: LAUNCH_MS, env: { TMPDIR: own } };
        return Agent.start(lab.node(node), program('./peer', import.meta.url, words), PeerReport, options);
      };
      await using called = await peer(to, { offers: false, sends: !oneWay });
      await using caller = await peer(from, { offers: true, sends: true });
      await ready();
      called.go();
      caller.go();
      const timeoutMs = duration * 1000 + SLACK_MS;
      const reports = await Promise.all([caller.result(timeoutMs), called.result(timeoutMs)]);
      const [atCaller, atCalled] = reports;
      return {
        ...callOutcome(atCaller, atCalled, { duration, settle, events }, workload),
        versions: { chromium: atCaller.version },
        files: Object.fromEntries(
          [from, to].map((node, i) => [`${node}.png`, Buffer.from(reports[i]!.screenshot, 'base64')]),
        ),
      };
    } finally {
      // A browser that was killed may still write for a moment.
      await rm(own, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};
