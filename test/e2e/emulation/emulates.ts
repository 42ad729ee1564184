/** What every emulator of links has to do, as tests; one file calls it for each of them, in a kernel that has it. */
import { expect } from 'chai';
import { Lab, parseTopology } from '../../../lab/lab.js';
import { delaysUs, lost, overtaken, quantile, sendFrames, type Train } from './frames.js';

export interface EmulatorUnderTest {
  readonly name: 'relay' | 'netem';
  /** Whether the same seed loses the same packets. */
  readonly repeatable: boolean;
  /** Payload of TCP in 3 s that the machine can carry without being what is measured, bit/s. */
  readonly rateBps: number;
}

/** What a delay may be off, us. */
const DELAY_TOLERANCE_US = 500;
const MS = 1000;
/** Payload of TCP per Ethernet frame, which is what a rate counts. */
const TCP_SHARE = 1448 / 1514;
const ATTEMPTS = 3;

export function emulates({ name, repeatable, rateBps }: EmulatorUnderTest): void {
  const up = (links: readonly string[], head = ''): Promise<Lab> => {
    const lines = links.map((link, i) => `  l${i}: { ends: [a:eth${i}, b:eth${i}], subnet: 10.${i}.0.0/24, ${link} }`);
    const text = `name: emulate\n${head}nodes: { a: { kind: host }, b: { kind: host } }\nlinks:\n${lines.join('\n')}`;
    return Lab.up(parseTopology(text, 'emulate.yaml'), { emulator: name });
  };
  const train = (link: string, count: number, gapUs: number, longestUs: number): Train => ({
    link,
    count,
    gapUs,
    longestUs,
  });
  const mbit = (bps: number): string => `${bps / 1e6}mbit`;

  it('loses its share, packet by packet or in runs, and nothing more', async () => {
    const count = 5000;
    const topology = ['loss: 5%', 'loss: { model: gilbert-elliott, mean: 5%, burst: 8 }', 'delay: 1ms'] as const;
    const find = async (seed: number): Promise<number[][]> => {
      await using lab = await up(topology, `seed: ${seed}\n`);
      const found = sendFrames(
        lab,
        [0, 1, 2].map((i) => train(`l${i}`, count, 500, 200 * MS)),
      );
      for (const [i, times] of found.entries()) {
        const [there] = (await lab.link(`l${i}`).counters())!;
        expect(there.dropped.loss).to.equal(lost(times).length);
        expect(there.dropped.queue).to.equal(0);
      }
      return found.map(lost);
    };
    const [single, runs, none] = (await find(3)) as [number[], number[], number[]];
    expect(none).to.deep.equal([]);
    // Standard deviations of the shares: 0.3 % and 1.1 %.
    expect(single.length / count).to.be.closeTo(0.05, 0.012);
    expect(runs.length / count).to.be.closeTo(0.05, 0.04);
    const lengthOfRuns = (numbers: readonly number[]): number =>
      numbers.length / numbers.filter((own, i) => numbers[i - 1] !== own - 1).length;
    expect(lengthOfRuns(single)).to.be.lessThan(1.3);
    expect(lengthOfRuns(runs)).to.be.within(4, 16);
    if (repeatable) expect(await find(3)).to.deep.equal([single, runs, none]);
  });

  it('keeps packets in order when the delay varies, and within its bounds', async () => {
    await using lab = await up(['delay: 20ms, jitter: 10ms']);
    const latest: number[] = [];
    do {
      const [times] = sendFrames(lab, [train('l0', 500, 2 * MS, 100 * MS)]);
      expect(lost(times!)).to.deep.equal([]);
      expect(overtaken(times!)).to.equal(0);
      const delays = delaysUs(times!);
      expect(quantile(delays, 0.05)).to.be.within(10 * MS - DELAY_TOLERANCE_US, 20 * MS);
      latest.push(quantile(delays, 0.95));
      // A busy machine adds to a delay.
    } while (latest.length < ATTEMPTS && Math.min(...latest) > 30 * MS + DELAY_TOLERANCE_US);
    expect(Math.min(...latest)).to.be.within(20 * MS, 30 * MS + DELAY_TOLERANCE_US);
  });

  it('reorders and duplicates its share, and only when asked to', async () => {
    await using lab = await up(['delay: 30ms, reorder: 10%', 'delay: 30ms, duplicate: 10%', 'delay: 30ms']);
    const count = 2000;
    const found = sendFrames(
      lab,
      [0, 1, 2].map((i) => train(`l${i}`, count, 500, 200 * MS)),
    );
    const early = found.map((times) => delaysUs(times).filter((us) => us < 15 * MS).length);
    const copies = found.map((times) => times.copies.reduce((sum, own) => sum + own, 0) - count);
    expect(found.map((times) => lost(times).length)).to.deep.equal([0, 0, 0]);
    expect(early[0]! / count).to.be.closeTo(0.1, 0.03);
    expect(copies[1]! / count).to.be.closeTo(0.1, 0.03);
    expect([early[1], early[2], copies[0], copies[2]]).to.deep.equal([0, 0, 0, 0]);
    expect(found.slice(1).map(overtaken)).to.deep.equal([0, 0]);
    expect(overtaken(found[0]!)).to.be.greaterThan(count / 2);
  });

  it('drops nothing for want of room but what its queue does not hold', async () => {
    await using lab = await up(['delay: 400ms', 'rate: 1mbit, limit: 20packets, delay: 5ms']);
    const [held, queued] = sendFrames(lab, [
      // More than the 1000 packets that netem holds unless it is told.
      { ...train('l0', 4000, 50, 600 * MS), bytes: 200 },
      // At once, one after the other; a bucket lets two frames through.
      { ...train('l1', 100, 10, 800 * MS), bytes: 1514 },
    ]);
    expect(lost(held!)).to.deep.equal([]);
    const dropped = lost(queued!).length;
    expect(dropped).to.be.within(100 - 20 - 5, 100 - 20);
    const [there, back] = (await lab.link('l1').counters())!;
    expect(there).to.include({ from: 'a', packets: 100, delivered: 100 - dropped });
    expect(there.dropped).to.include({ queue: dropped, loss: 0 });
    expect(back).to.include({ from: 'b', packets: 0, bytes: 0, delivered: 0 });
  });

  it('changes one thing at a time while packets are on it, and keeps them in order', async () => {
    await using lab = await up([`rate: ${mbit(rateBps)}, delay: 40ms`]);
    const link = lab.link('l0');
    const few = () => sendFrames(lab, [train('l0', 30, 4 * MS, 200 * MS)])[0]!;
    /** The least of a few medians: a busy machine adds to a delay. */
    const medianMs = (): number =>
      Math.min(...Array.from({ length: ATTEMPTS }, () => quantile(delaysUs(few()), 0.5) / MS));
    expect(medianMs()).to.be.within(39.5, 41);
    await link.set({ delayUs: 10 * MS, from: 'a' });
    expect(medianMs()).to.be.within(9.5, 11);
    await link.set({ loss: { model: 'random', mean: 1 } });
    expect(few().copies.every((own) => own === 0)).to.equal(true);
    await link.set({ loss: null });
    expect(medianMs()).to.be.within(9.5, 11);
    await link.set({ rateBps: rateBps / 2 });
    expect(medianMs()).to.be.within(9.5, 11);
    expect(link.emulation[0]).to.include({ delayUs: 10 * MS, loss: null });
    expect(link.emulation[1]).to.include({ delayUs: 40 * MS });
    await link.set({ rateBps: 1e6, limit: { kind: 'packets', packets: 50 }, from: 'a' });
    // 1 Mbit/s and 1514 bytes take 12.1 ms.
    const burst = sendFrames(lab, [{ ...train('l0', 20, 10, 800 * MS), bytes: 1514 }])[0]!;
    const spacing = [...burst.arrivedUs.slice(6)].map((at, i) => at - (burst.arrivedUs[5 + i] as number));
    expect(quantile(spacing, 0.5) / MS).to.be.within(11.8, 12.5);
  });

  it('does not let packets overtake when the delay becomes less', async () => {
    await using lab = await up(['delay: 1s']);
    const before = sendFrames(lab, [train('l0', 20, 100, 1)])[0]!;
    expect(
      before.copies.every((own) => own === 0),
      'still on the link',
    ).to.equal(true);
    await lab.link('l0').set({ delayUs: 1000 });
    const [after] = sendFrames(lab, [train('l0', 20, 100, 1500 * MS)]);
    expect(lost(after!)).to.deep.equal([]);
    expect(delaysUs(after!)[0]).to.be.greaterThan(100 * MS);
  });

  it('carries TCP at its rate and frames of its MTU', async () => {
    await using lab = await up([`rate: ${mbit(rateBps)}, delay: 10ms`, 'delay: 1ms, mtu: 1300']);
    await using _server = await lab.node('b').spawn(['iperf3', '-s', '--forceflush'], { readyWhen: /listening/ });
    const goodput = async (...options: string[]): Promise<number> => {
      const command = ['iperf3', '-c', '10.0.0.2', '-t', '3', '-O', '1', '-C', 'cubic', '--json', ...options];
      return JSON.parse((await lab.node('a').exec(command)).stdout).end.sum_received.bits_per_second;
    };
    await holdsRate(() => goodput(), rateBps);
    await holdsRate(() => goodput('-R'), rateBps);
    const ping = (bytes: number) =>
      lab.node('a').exec(['ping', '-n', '-c', '1', '-W', '2', '-M', 'do', '-s', String(bytes - 28), '10.1.0.2']);
    await ping(1300);
    expect(await ping(1301).catch((error: Error) => error)).to.be.instanceOf(Error);
  });

  it('takes the carrier away and gives it back', async () => {
    await using lab = await up(['delay: 5ms']);
    const carrier = async (): Promise<string> =>
      (await lab.node('a').exec(['sh', '-c', 'cat /sys/class/net/eth0/carrier || echo down'])).stdout.trim();
    const becomes = async (expected: string): Promise<void> => {
      const deadline = performance.now() + 10_000;
      while ((await carrier()) !== expected) expect(performance.now()).to.be.lessThan(deadline);
    };
    await becomes('1');
    await lab.link('l0').set({ carrier: 'down', at: 'a' });
    await becomes('0');
    await lab.link('l0').set({ carrier: 'up' });
    await becomes('1');
    await lab.node('a').exec(['ping', '-n', '-c', '1', '-w', '10', '10.0.0.2']);
    const [times] = sendFrames(lab, [train('l0', 30, 4 * MS, 100 * MS)]);
    expect(quantile(delaysUs(times!), 0.5) / MS).to.be.within(4.5, 6);
  });
}

/** A busy machine takes from a flow, and is asked again; nothing may ever add to it. */
export async function holdsRate(goodput: () => Promise<number>, rateBps: number, attempts = ATTEMPTS): Promise<void> {
  const shares: number[] = [];
  do {
    shares.push((await goodput()) / (rateBps * TCP_SHARE));
    expect(shares.at(-1)).to.be.at.most(1.02);
  } while (shares.length < attempts && shares.every((share) => share < 0.95));
  expect(Math.max(...shares), `of ${shares.join(', ')}`).to.be.at.least(0.95);
}
