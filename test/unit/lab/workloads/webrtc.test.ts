import { expect } from 'chai';
import { withBitrateBounds } from '../../../../lab/workloads/webrtc/page/bitrate-bounds.js';
import { callMetrics, callOutcome, PeerReport } from '../../../../lab/workloads/webrtc/report.js';

const EPOCH = 1_800_000_000_000;
const FRAME_MS = 1000 / 30;

type Change = (time: number) => Partial<PeerReport['samples'][number]>;

/** A side that sees 800 kbit/s and 30 frames a second for 10 s, from 0.5 s on. */
function peer({
  frames = steady(0.5, 10),
  change = () => ({}),
  ...rest
}: Partial<PeerReport> & { change?: Change } = {}) {
  const received = { bytesReceived: 0, headerBytesReceived: 0, jitterBufferDelay: 0, jitterBufferEmittedCount: 0 };
  const samples = Array.from({ length: 22 }, (_, i) => {
    const t = i / 2;
    return {
      time: EPOCH + t * 1000,
      video:
        t < 0.5
          ? null
          : {
              ...received,
              bytesReceived: (t - 0.5) * 100_000,
              // 20 ms in the buffer for each of 30 frames a second.
              jitterBufferDelay: (t - 0.5) * 30 * 0.02,
              jitterBufferEmittedCount: (t - 0.5) * 30,
              frameWidth: 640,
              frameHeight: 480,
              framesDecoded: 0,
              framesDropped: 0,
              nackCount: 3,
            },
      audio:
        t < 0.5
          ? null
          : {
              ...received,
              bytesReceived: (t - 0.5) * 4000,
              jitterBufferDelay: (t - 0.5) * 48_000 * 0.06,
              jitterBufferEmittedCount: (t - 0.5) * 48_000,
              concealedSamples: (t - 0.5) * 480,
              silentConcealedSamples: 0,
              totalSamplesReceived: (t - 0.5) * 48_000,
            },
      sent: null,
      rtt: 0.04,
      pair: '10.1.0.2 10.1.0.1',
      ...change(t),
    };
  });
  return PeerReport.parse({
    beganAt: EPOCH,
    samples,
    frames,
    audioSent: [],
    audioReceived: [],
    version: '1',
    screenshot: '',
    ...rest,
  });
}

function steady(from: number, to: number): number[] {
  const count = Math.floor(((to - from) * 1000) / FRAME_MS);
  return Array.from({ length: count + 1 }, (_, i) => EPOCH + from * 1000 + i * FRAME_MS);
}

/** Packets each 20 ms, the first 100 ms after the start. */
const audioAt = (delayMs: number): [number, number][] =>
  Array.from({ length: 495 }, (_, i) => [1000 + i * 960, EPOCH + 100 + i * 20 + delayMs]);

const SPAN = { duration: 10, settle: 2, events: [] };
const BOTH = { audio: true, oneWay: false };
const FORWARD = { audio: true, oneWay: true };

describe('report of a call', () => {
  it('has rate, frames, sizes and buffers of what was received, in both directions', () => {
    const { metrics } = callOutcome(peer(), peer(), SPAN, BOTH);
    for (const direction of ['forward', 'backward']) {
      const of = (metric: string) => metrics[`${direction}.${metric}`];
      expect(of('video_rate_bps')).to.be.closeTo(800_000, 1);
      expect(of('audio_rate_bps')).to.be.closeTo(32_000, 1);
      expect(of('fps')).to.be.closeTo(30, 0.2);
      expect([of('width'), of('height')]).to.deep.equal([640, 480]);
      expect(of('first_frame_s')).to.equal(0.5);
      expect(of('frame_gap_max_s')).to.be.closeTo(FRAME_MS / 1000, 1e-3);
      expect(of('frozen_s')).to.equal(0);
      expect(of('video_buffer_s')).to.be.closeTo(0.02, 1e-9);
      expect(of('audio_buffer_s')).to.be.closeTo(0.06, 1e-9);
      expect(of('audio_concealed')).to.be.closeTo(0.01, 1e-9);
      expect(of('rtt_s')).to.equal(0.04);
      expect(of('connections')).to.equal(1);
      expect(of('nacks')).to.equal(3);
    }
  });

  it('gives no metric that it does not announce', () => {
    for (const wanted of [BOTH, FORWARD, { audio: false, oneWay: false }]) {
      const { metrics } = callOutcome(peer(), peer(), { ...SPAN, events: [5] }, wanted);
      expect(callMetrics(wanted)).to.include.members(Object.keys(metrics));
    }
  });

  it('tells the one-way delay of audio packet by packet, and what did not arrive', () => {
    const sent = audioAt(0);
    const received = audioAt(80).filter((_, i) => i % 10 !== 0);
    const { metrics, series } = callOutcome(
      peer({ audioSent: sent }),
      peer({ audioReceived: received }),
      SPAN,
      FORWARD,
    );
    expect(metrics['forward.audio_delay_median_s']).to.be.closeTo(0.08, 1e-9);
    expect(metrics['forward.audio_delay_max_s']).to.be.closeTo(0.08, 1e-9);
    expect(metrics['forward.audio_latency_s'], 'with the 60 ms of the jitter buffer').to.be.closeTo(0.14, 1e-9);
    expect(metrics['forward.audio_lost']).to.be.closeTo(0.1, 0.01);
    const delays = series.find(({ name }) => name === 'forward.audio_delay')!.points;
    expect(delays.length).to.be.greaterThan(15);
    for (const [, delay] of delays) expect(delay).to.be.closeTo(0.08, 1e-9);
  });

  it('tells the delay that 95 % of the packets keep, in all and over time', () => {
    const late = (every: number) => {
      const received = audioAt(80).map(([stamp, time], i): [number, number] => [
        stamp,
        time + (i % every === 0 ? 40 : 0),
      ]);
      const { metrics, series } = callOutcome(
        peer({ audioSent: audioAt(0) }),
        peer({ audioReceived: received }),
        SPAN,
        FORWARD,
      );
      const points = series.find(({ name }) => name === 'forward.audio_delay_p95')!.points;
      return { all: metrics['forward.audio_delay_p95_s'], over: points.map(([, delay]) => delay) };
    };
    expect(late(50).all).to.be.closeTo(0.08, 1e-9);
    expect(late(10).all).to.be.closeTo(0.12, 1e-9);
    // Half a second has 25 packets.
    for (const [every, kept] of [
      [50, 0.08],
      [5, 0.12],
    ] as const) {
      const { over } = late(every);
      expect(over.length).to.be.greaterThan(15);
      for (const delay of over) expect(delay).to.be.closeTo(kept, 1e-9);
    }
  });

  it('counts audio of which nothing was sent or heard as lost, not as perfect', () => {
    const { metrics } = callOutcome(peer(), peer(), SPAN, FORWARD);
    expect(metrics['forward.audio_lost']).to.equal(1);
    expect(metrics).not.to.have.any.keys('forward.audio_latency_s', 'forward.audio_delay_p95_s');
    const silent = peer({ change: () => ({ audio: null }) });
    expect(callOutcome(peer(), silent, SPAN, FORWARD).metrics).to.include({
      'forward.audio_lost': 1,
      'forward.audio_concealed': 1,
      'forward.audio_rate_bps': 0,
    });
  });

  it('finds a freeze by the frames that were shown, and counts it at the event that it follows', () => {
    const frozen = peer({ frames: [...steady(0.5, 4), ...steady(5.5, 10)] });
    const at = (events: number[]) => callOutcome(peer(), frozen, { ...SPAN, events }, FORWARD).metrics;
    expect(at([4])['forward.frame_gap_max_s']).to.be.closeTo(1.5, 0.04);
    expect(at([4])['forward.frozen_s']).to.be.closeTo(1.5, 0.04);
    expect(at([4])['forward.event_gap_s']).to.be.closeTo(1.5, 0.04);
    expect(at([4.5])['forward.event_gap_s']).to.be.closeTo(1.5, 0.04);
    // It began more than 5 s after the first and had ended before the second.
    expect(at([-2, 6])['forward.event_gap_s']).to.be.lessThan(0.05);
    expect(at([])).not.to.have.property('forward.event_gap_s');
  });

  it('counts a freeze that never ends, and a call without any picture', () => {
    const stuck = callOutcome(peer(), peer({ frames: steady(0.5, 6) }), SPAN, FORWARD).metrics;
    expect(stuck['forward.frame_gap_max_s']).to.be.closeTo(4, 0.04);
    const black = callOutcome(peer(), peer({ frames: [], change: () => ({ video: null }) }), SPAN, FORWARD).metrics;
    expect(black['forward.frame_gap_max_s']).to.equal(10);
    expect(black).to.include({ 'forward.fps': 0, 'forward.video_rate_bps': 0, 'forward.first_frame_s': 10 });
  });

  it('counts means from the time on when the run has settled', () => {
    const jump = peer({
      change: (t) =>
        t < 1 ? {} : { video: { ...peer().samples[2]!.video!, bytesReceived: t < 5 ? t * 1000 : 1e6 * t } },
    });
    const { metrics } = callOutcome(peer(), jump, { ...SPAN, settle: 6 }, FORWARD);
    expect(metrics['forward.video_rate_bps']).to.be.closeTo(8e6, 1);
  });

  it('has series in seconds since the start', () => {
    const { series } = callOutcome(peer(), peer(), SPAN, FORWARD);
    expect(series.map(({ name }) => name)).to.include.members([
      'forward.video_rate',
      'forward.fps',
      'forward.frame_gap',
    ]);
    const rates = series.find(({ name }) => name === 'forward.video_rate')!.points;
    expect(rates[0]).to.deep.equal([0.75, 800_000]);
    expect(rates.at(-1)![0]).to.be.at.most(10);
  });
});

describe('bitrate bounds of a description', () => {
  const SDP = [
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=rtpmap:111 opus/48000/2',
    'a=fmtp:111 minptime=10',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98',
    'a=rtpmap:96 VP8/90000',
    'a=rtpmap:97 rtx/90000',
    'a=fmtp:97 apt=96',
    'a=rtpmap:98 VP9/90000',
    'a=fmtp:98 profile-id=0',
    '',
  ].join('\r\n');

  it('stand at every video codec and nowhere else', () => {
    const lines = withBitrateBounds(SDP, { min: 300_000, start: null, max: 1_200_000 }).split('\r\n');
    expect(lines.filter((line) => line.includes('x-google'))).to.deep.equal([
      'a=fmtp:96 x-google-min-bitrate=300;x-google-max-bitrate=1200',
      'a=fmtp:98 profile-id=0;x-google-min-bitrate=300;x-google-max-bitrate=1200',
    ]);
    expect(lines.indexOf('a=fmtp:96 x-google-min-bitrate=300;x-google-max-bitrate=1200')).to.equal(
      lines.indexOf('a=rtpmap:96 VP8/90000') + 1,
    );
  });

  it('leave a description alone where there are none', () => {
    expect(withBitrateBounds(SDP, { min: null, start: null, max: null })).to.equal(SDP);
  });
});
