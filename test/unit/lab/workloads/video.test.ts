import { expect } from 'chai';
import fc from 'fast-check';
import { movedSegment, trackOf } from '../../../../lab/workloads/video/boxes.js';
import { encoderOptions, type Ladder, segmentsOf } from '../../../../lab/workloads/video/ladder.js';
import { askedBy, manifestOf } from '../../../../lab/workloads/video/manifest.js';
import { PlayerReport, playerMetrics, playerOutcome } from '../../../../lab/workloads/video/report.js';
import { accountOf, squidConfiguration, versionOf } from '../../../../lab/workloads/video/squid.js';
import { type VideoWorkload, video } from '../../../../lab/workloads/video/video.js';

const LADDER: Ladder = {
  levels: [
    { height: 720, rate: 2_500_000 },
    { height: 1080, rate: 4_500_000 },
  ],
  fps: 30,
  segment: 2,
};

const box = (type: string, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + body.length);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
};
const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const FULL_V0 = u32(0);
const FULL_V1 = u32(0x01_00_00_00);

describe('the media of an adaptive video', () => {
  const segment = (number: number, v1: boolean, time: bigint): Buffer => {
    const at = v1 ? u64(time) : u32(Number(time));
    const full = v1 ? FULL_V1 : FULL_V0;
    return Buffer.concat([
      box('styp', Buffer.from('msdh')),
      box('sidx', full, u32(1, 15_360), at, v1 ? u64(0n) : u32(0)),
      box('moof', box('mfhd', FULL_V0, u32(number)), box('traf', box('tfhd', FULL_V0, u32(1)), box('tfdt', full, at))),
      box('mdat', Buffer.from('picture')),
    ]);
  };

  it('goes on in time where its loop begins again, and differs in nothing else', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 1, max: 9999 }),
        fc.nat(0x3f_ff_ff_ff),
        fc.nat(0x3f_ff_ff_ff),
        (v1, number, time, later) => {
          const made = segment(1, v1, BigInt(time));
          const before = Buffer.from(made);
          expect(movedSegment(made, number, BigInt(later))).to.deep.equal(
            segment(number, v1, BigInt(time) + BigInt(later)),
          );
          expect(made).to.deep.equal(before);
        },
      ),
    );
  });

  it('tells its timescale and its codec, whatever the version of its header', () => {
    const avc1 = box('avc1', Buffer.alloc(78), box('avcC', Buffer.from([1, 0x42, 0xc0, 0x28, 0xff])));
    const media = (header: Buffer): Buffer =>
      box(
        'moov',
        box('mvhd'),
        box('trak', box('mdia', header, box('minf', box('stbl', box('stsd', FULL_V0, u32(1), avc1))))),
      );
    const v0 = box('mdhd', FULL_V0, u32(0, 0, 15_360, 0));
    const v1 = box('mdhd', FULL_V1, u64(0n), u64(0n), u32(12_800), u64(0n));
    expect(trackOf(Buffer.concat([box('ftyp'), media(v0)]))).to.deep.equal({ timescale: 15_360, codec: 'avc1.42c028' });
    expect(trackOf(media(v1)).timescale).to.equal(12_800);
  });

  it('is refused where boxes are missing or cut off', () => {
    expect(() => trackOf(box('ftyp'))).to.throw(RangeError, 'no box moov/trak/mdia/mdhd');
    expect(() => movedSegment(segment(1, true, 0n).subarray(0, 20), 1, 0n)).to.throw(RangeError);
  });

  it('has a manifest with each level, and answers to all that the manifest names and to nothing else', () => {
    const manifest = manifestOf(LADDER, [
      { timescale: 15_360, codec: 'avc1.42c01f' },
      { timescale: 15_360, codec: 'avc1.42c028' },
    ]);
    expect(manifest).to.include('mediaPresentationDuration="PT3600S"');
    expect(manifest).to.include('timescale="1000" duration="2000" startNumber="1"');
    expect(manifest.match(/<Representation .*\/>/g)).to.deep.equal([
      '<Representation id="720p" bandwidth="2500000" width="1280" height="720" frameRate="30" codecs="avc1.42c01f"/>',
      '<Representation id="1080p" bandwidth="4500000" width="1920" height="1080" frameRate="30" codecs="avc1.42c028"/>',
    ]);
    expect(askedBy('/1080p/init.mp4', LADDER)).to.deep.equal({ level: 1, segment: 'init' });
    expect(askedBy('/720p/1800.m4s', LADDER)).to.deep.equal({ level: 0, segment: 1800 });
    for (const path of [
      '/720p/1801.m4s',
      '/720p/0.m4s',
      '/480p/1.m4s',
      '/720p/../../etc/passwd',
      '/',
      '/720p/1.m4s?x',
    ]) {
      expect(askedBy(path, LADDER), path).to.equal(null);
    }
  });

  it('is encoded at constant rates with a key picture at the start of each segment', () => {
    const options = encoderOptions({ ...LADDER, segment: 4 }).join(' ');
    expect(segmentsOf({ ...LADDER, segment: 4 })).to.equal(3);
    expect(options).to.include('testsrc2=size=1920x1080:rate=30:duration=12');
    expect(options).to.include('-b:v:1 4500000 -minrate:v:1 4500000 -maxrate:v:1 4500000');
    expect(options).to.include('nal-hrd=cbr');
    expect(options).to.include('-g 120 -keyint_min 120 -sc_threshold 0');
  });
});

describe('the proxy of a video', () => {
  it('lets its browser reach the origin and nothing else, and caches nothing', () => {
    const lines = squidConfiguration({ address: '10.1.0.1', port: 5201 }, { address: '10.3.0.2', port: 5301 }).split(
      '\n',
    );
    expect(lines).to.include('http_port 10.1.0.1:5201');
    const access = lines.filter((line) => /^(acl|http_access|cache) /.test(line));
    expect(access).to.deep.equal([
      'acl origin dst 10.3.0.2',
      'acl media port 5301',
      'http_access allow origin media',
      'http_access deny all',
      'cache deny all',
    ]);
    for (const line of lines) expect(line).to.not.match(/ \//);
    expect(squidConfiguration({ address: 'fd00::1', port: 1 }, { address: 'fd00::2', port: 2 })).to.include(
      'http_port [fd00::1]:1',
    );
  });

  it('gives its rights up for the account that it was built with', () => {
    const about = "Squid Cache: Version 5.7\nconfigure options:  '--build=x' '--with-default-user=proxy' '--x'";
    expect(accountOf(about)).to.equal('proxy');
    expect(accountOf('Squid Cache: Version 6.1')).to.equal('nobody');
    expect(versionOf(about)).to.equal('5.7');
  });
});

const EPOCH = 1_800_000_000_000;
const FRAME = 1 / 30;

/** Pictures at 30 a second from `from` to `to` (s), which begin at `position` of the video. */
function shown(from: number, to: number, height: number, position = 0): [number, number, number][] {
  return Array.from({ length: Math.round((to - from) / FRAME) }, (_, i) => [
    from + i * FRAME,
    position + i * FRAME,
    height,
  ]);
}

function report(
  pictures: readonly (readonly [number, number, number])[],
  { soughtAt = null, ...rest }: { soughtAt?: number | null } & Partial<PlayerReport> = {},
): PlayerReport {
  return PlayerReport.parse({
    beganAt: EPOCH,
    soughtAt: soughtAt === null ? null : EPOCH + soughtAt * 1000,
    // Its clock may tick a little later than the half seconds.
    samples: Array.from({ length: 40 }, (_, i) => ({
      time: EPOCH + i * 500 + 1,
      buffer: i / 2,
      loading: 1080,
      dropped: 0,
    })),
    frames: pictures.map(([t, position, height], i) => [EPOCH + t * 1000, position, height, i + 1]),
    // 3 Mbit/s.
    received: Array.from({ length: 200 }, (_, i) => [EPOCH + i * 100 + 50, 37_500]),
    errors: [],
    versions: { chromium: '1', dashjs: '5' },
    screenshot: '',
    ...rest,
  });
}

describe('what a player reports', () => {
  const { levels } = LADDER;
  const span = { duration: 20, settle: 4 };

  it('becomes the time at each level, frames a second, rate and buffer, once settled', () => {
    const whole = report([...shown(1, 12, 720), ...shown(12, 20, 1080, 11)]);
    const { metrics, series } = playerOutcome(whole, span, levels, null);
    expect(metrics.startup_s).to.be.closeTo(1, 1e-9);
    expect(metrics.share_720p).to.be.closeTo(0.5, 0.04);
    expect(metrics.share_1080p).to.be.closeTo(0.5, 0.04);
    expect(metrics).to.include({ height_last: 1080, switches: 1, stalls: 0, rebuffered_s: 0, errors: 0 });
    expect(metrics.fps).to.be.closeTo(30, 0.1);
    expect(metrics.rate_bps).to.be.closeTo(3e6, 1e4);
    expect(metrics.buffer_median_s).to.be.closeTo(11.75, 0.3);
    expect(Object.keys(metrics).sort()).to.deep.equal([...playerMetrics({ levels, seek: null })].sort());
    expect(series.map(({ name }) => name)).to.deep.equal(['rate', 'buffer', 'fps', 'height', 'loading']);
    expect(series[0]!.points[3]).to.deep.equal([3.5, 3e6]);
    expect(series[3]!.points[0]![1], 'before the first picture').to.equal(0);
  });

  it('counts pictures that the page was not told of', () => {
    const every = report(shown(0, 20, 720));
    const half = { ...every, frames: every.frames.filter((_, i) => i % 2 === 0) };
    expect(playerOutcome(half, span, levels, null).metrics.fps).to.be.closeTo(30, 0.1);
  });

  it('tells stalls from a seek, and when the picture and its level came back', () => {
    const seek = { at: 10, to: 300 };
    // It stands still at 6 s, goes elsewhere at 10 s, and shows the place at 12 s, and is at a lower level for a while. An old picture is late.
    const pictures = [
      ...shown(1, 6, 1080),
      ...shown(7.5, 10.1, 1080, 5),
      ...shown(12, 13, 1080, 300),
      ...shown(13, 15, 720, 301),
      ...shown(15, 20, 1080, 303),
    ];
    const { metrics } = playerOutcome(report(pictures, { soughtAt: 10 }), span, levels, seek);
    expect(metrics.after_seek_s).to.be.closeTo(2, 1e-6);
    expect(metrics.recovery_s).to.be.closeTo(5, 1e-6);
    expect(metrics.stalls).to.equal(1);
    expect(metrics.rebuffered_s).to.be.closeTo(1.5 + FRAME, 1e-6);
    expect(Object.keys(metrics).sort()).to.deep.equal([...playerMetrics({ levels, seek })].sort());
  });

  it('that showed nothing after a seek, or nothing at all, has waited to the end', () => {
    const seek = { at: 10, to: 300 };
    const stuck = playerOutcome(report(shown(1, 10, 720), { soughtAt: 10 }), span, levels, seek).metrics;
    expect(stuck).to.include({ after_seek_s: 10, recovery_s: 10 });
    const nothing = playerOutcome(report([]), span, levels, null).metrics;
    expect(nothing).to.include({ startup_s: 20, height_median: 0, fps: 0, share_720p: 0, height_last: 0 });
  });

  it('of another length is of a seek at the same part of it', () => {
    const workload = { duration: 120, seek: { at: 60, to: 300 } } as VideoWorkload;
    expect(video.withDuration(workload, 30)).to.deep.equal({ duration: 30, seek: { at: 15, to: 300 } });
    expect(video.withDuration({ ...workload, seek: null }, 30).seek).to.equal(null);
  });
});
