import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Lab, LabError, type LabNode } from '../../../lab/lab.js';
import { carrierOf, datagrams, iperf3, median, roundTripsMs, upWith } from './links.js';

/** Payload of TCP per Ethernet frame, which is what a rate counts. */
const TCP_SHARE = 1448 / 1514;

async function eventually<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const value = await ask();
    if (holds(value) || performance.now() > deadline) return value;
    await sleep(10);
  }
}

async function rejection(promise: Promise<unknown>): Promise<LabError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
  throw new Error('it did not reject');
}

function relayPid(lab: Lab): number {
  return lab.record.processes.find(({ command }) => command.includes('relay'))?.pid ?? 0;
}

describe('a relayed link', function () {
  this.timeout(40_000);

  it('holds packets for its delay in each direction and carries TCP at its rate, beside others', async () => {
    await using lab = await upWith(
      ['rate: 40mbit, delay: 10ms', 'rate: 20mbit, delay: 2ms, b->a: { rate: 8mbit, delay: 30ms }'],
      { emulator: 'relay' },
    );
    expect(median(await roundTripsMs(lab, '10.1.0.2'))).to.be.within(20, 22);
    expect(median(await roundTripsMs(lab, '10.2.0.2'))).to.be.within(32, 34);
    const tcp = ['-t', '3', '-O', '1', '-C', 'cubic'];
    expect((await iperf3(lab, '10.1.0.2', ...tcp)).bps / (40e6 * TCP_SHARE)).to.be.within(0.95, 1.02);
    expect((await iperf3(lab, '10.2.0.2', '-R', ...tcp)).bps / (8e6 * TCP_SHARE)).to.be.within(0.95, 1.02);
    const [there, back] = (await lab.link('l1').counters())!;
    expect(there.from).to.equal('a');
    expect(there.bytes).to.be.greaterThan(10e6);
    expect(there.dropped).to.include({ loss: 0, carrier: 0, overload: 0, refused: 0 });
    expect(back.dropped.queue).to.equal(0);
  });

  it('carries packets that are packets, with right checksums', async () => {
    await using lab = await upWith(['rate: 100mbit, delay: 1ms'], { emulator: 'relay' });
    // The receiver drops what has a wrong sum, since no device vouches for it.
    const sent = 2000;
    const arrived = await datagrams(lab, '10.1.0.2', sent, 200);
    expect(arrived).to.deep.equal(Array.from({ length: sent }, (_, i) => i));
    const { stdout } = await lab.node('b').exec(['cat', '/proc/net/snmp']);
    const [names = '', values = ''] = stdout.split('\n').filter((line) => line.startsWith('Udp:'));
    expect(values.split(' ')[names.split(' ').indexOf('InCsumErrors')]).to.equal('0');
    const { bps } = await iperf3(lab, '10.1.0.2', '-t', '2', '-O', '1');
    expect(bps / (100e6 * TCP_SHARE)).to.be.within(0.9, 1.02);
  });

  it('loses its share, and the same packets again for the same seed', async () => {
    const count = 5000;
    const lost = async (seed: number, loss: string): Promise<number[]> => {
      await using lab = await upWith([`loss: ${loss}`], { emulator: 'relay', calibrate: true }, `seed: ${seed}\n`);
      // Neighbours find each other first, by packets that may be lost: they are told, so that only the datagrams are drawn for.
      await pinNeighbours(lab);
      const arrived = new Set(await datagrams(lab, '10.1.0.2', count, 50));
      return Array.from({ length: count }, (_, i) => i).filter((i) => !arrived.has(i));
    };
    const first = await lost(3, '5%');
    expect(first.length / count).to.be.closeTo(0.05, 0.012);
    expect(await lost(3, '5%')).to.deep.equal(first);
    expect(await lost(4, '5%')).to.not.deep.equal(first);
    const runs = await lost(3, '{ model: gilbert-elliott, mean: 5%, burst: 8 }');
    const starts = runs.filter((own, i) => runs[i - 1] !== own - 1).length;
    expect(runs.length / starts).to.be.within(4, 14);
  });

  it('reorders and duplicates as it is told, and only then', async () => {
    await using lab = await upWith(['delay: 5ms, jitter: 3ms', 'delay: 20ms, reorder: 10%, duplicate: 5%'], {
      emulator: 'relay',
    });
    const ordered = await datagrams(lab, '10.1.0.2', 1000, 300);
    expect(ordered).to.deep.equal([...ordered].sort((a, b) => a - b));
    const mixed = await datagrams(lab, '10.2.0.2', 1000, 300);
    expect(mixed.length / 1000).to.be.closeTo(1.05, 0.03);
    expect(new Set(mixed).size).to.equal(1000);
    const overtaken = mixed.filter((own, i) => mixed.slice(0, i).some((earlier) => earlier > own)).length;
    expect(overtaken).to.be.greaterThan(300);
  });

  it('drops what its queue does not hold, and says so', async () => {
    await using lab = await upWith(['rate: 10mbit, delay: 5ms, limit: 20packets'], { emulator: 'relay' });
    const { lostShare } = await iperf3(lab, '10.1.0.2', '-u', '-b', '20M', '-l', '1400', '-t', '2');
    // Of 20 Mbit/s of payload, with 42 bytes of headers each, 10 Mbit/s get through.
    expect(lostShare).to.be.closeTo(1 - 10 / (20 * (1442 / 1400)), 0.03);
    const [there] = (await lab.link('l1').counters())!;
    expect(there.dropped.queue).to.be.greaterThan(1000);
    expect(there.packets - there.delivered).to.be.within(there.dropped.queue, there.dropped.queue + 20);
    expect(there.dropped).to.include({ loss: 0, overload: 0, refused: 0 });
  });

  it('follows a trace', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mpip-trace-'));
    try {
      const csv = join(folder, 'steps.csv');
      writeFileSync(csv, 'time,rate\n0s,8mbit\n1s,32mbit\n2s\n');
      const mahimahi = join(folder, 'cell.trace');
      // One packet each millisecond: 12 Mbit/s of IP.
      writeFileSync(mahimahi, '1\n');
      await using lab = await upWith([`trace: ${csv}`, `trace: ${mahimahi}`], { emulator: 'relay' });
      const steps = await iperf3(lab, '10.1.0.2', '-u', '-b', '40M', '-l', '1400', '-t', '4');
      expect(steps.bps / (20e6 * (1400 / 1442))).to.be.within(0.9, 1.05);
      const cell = await iperf3(lab, '10.2.0.2', '-u', '-b', '20M', '-l', '1472', '-t', '2');
      expect(cell.bps / (12e6 * (1472 / 1500))).to.be.within(0.95, 1.05);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('changes while it runs, one thing at a time', async () => {
    await using lab = await upWith(['rate: 20mbit, delay: 5ms'], { emulator: 'relay' });
    const link = lab.link('l1');
    await link.set({ delayUs: 40_000, from: 'a' });
    expect(median(await roundTripsMs(lab, '10.1.0.2', 30))).to.be.within(45, 47);
    await link.set({ rateBps: 5e6 });
    expect(median(await roundTripsMs(lab, '10.1.0.2', 30))).to.be.within(45, 47.5);
    const { bps } = await iperf3(lab, '10.1.0.2', '-u', '-b', '10M', '-l', '1400', '-t', '5');
    expect(bps / (5e6 * (1400 / 1442))).to.be.within(0.9, 1.1);
    expect(link.emulation[0]).to.include({ delayUs: 40_000 });
    expect(link.emulation[1]).to.include({ delayUs: 5000 });
    expect(link.shaping[1]).to.include({ rateBps: 5e6 });
    await link.set({ loss: { model: 'random', mean: 1 } });
    expect(await roundTripsMs(lab, '10.1.0.2', 15)).to.deep.equal([]);
    await link.set({ loss: null });
    expect(median(await roundTripsMs(lab, '10.1.0.2', 30))).to.be.within(45, 47.5);
    expect((await rejection(link.set({ jitterUs: 60_000 }))).code).to.equal('E_LAB_LINK');
  });

  it('takes up a trace while it runs, in one direction, and gives it up for a rate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mpip-trace-'));
    try {
      const file = join(folder, 'later.csv');
      writeFileSync(file, 'time,rate,delay\n0s,10mbit,60ms\n');
      await using lab = await upWith(['rate: 20mbit, delay: 10ms, loss: 0%'], { emulator: 'relay' });
      const link = lab.link('l1');
      expect((await rejection(link.set({ trace: join(folder, 'absent') }))).code).to.equal('E_LAB_TRACE');
      expect((await rejection(link.set({ trace: file, rateBps: 1e6 }))).code).to.equal('E_LAB_LINK');
      const roundTripMs = async (): Promise<number> => median(await roundTripsMs(lab, '10.1.0.2', 30));
      const before = await roundTripMs();
      // The trace's own 60 ms, which a busy machine changes less than any delay by itself.
      const added = async (): Promise<number> => (await roundTripMs()) - before;
      await link.set({ trace: file, from: 'a' });
      expect(link.emulation[0]).to.include({ trace: file, delayUs: 10_000 });
      expect(link.emulation[1]).to.include({ trace: null });
      expect(link.shaping[0]).to.equal(null);
      expect(link.shaping[1]).to.include({ rateBps: 20e6 });
      expect(await added()).to.be.within(50, 70);
      // What starts again starts with what was set last.
      await lab.restartRelay();
      expect(await added()).to.be.within(50, 70);
      await link.set({ rateBps: 12e6, from: 'a' });
      expect(link.emulation[0]).to.include({ trace: null });
      expect(link.shaping[0]).to.include({ rateBps: 12e6 });
      expect(await added()).to.be.within(-10, 10);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('shares one carrier between its ends', async () => {
    await using lab = await upWith(['delay: 1ms', 'delay: 2ms'], { emulator: 'relay' });
    const [a, b] = [lab.node('a'), lab.node('b')] as [LabNode, LabNode];
    const carriers = async (): Promise<string> => `${await carrierOf(a, 'eth0')} ${await carrierOf(b, 'eth0')}`;
    const becomes = async (expected: string): Promise<void> => {
      expect(await eventually(carriers, (seen) => seen === expected)).to.equal(expected);
    };
    await becomes('1 1');
    await a.exec(['ip', 'link', 'set', 'eth0', 'down']);
    await becomes('down 0');
    await b.exec(['ip', 'link', 'set', 'eth0', 'down']);
    await a.exec(['ip', 'link', 'set', 'eth0', 'up']);
    await becomes('0 down');
    await b.exec(['ip', 'link', 'set', 'eth0', 'up']);
    await becomes('1 1');
    await lab.link('l1').set({ carrier: 'down', at: 'a' });
    await becomes('0 0');
    expect(await carrierOf(a, 'eth1')).to.equal('1');
    await lab.link('l1').set({ carrier: 'up' });
    await becomes('1 1');
    const times = await eventually(
      () => roundTripsMs(lab, '10.1.0.2', 20),
      (seen) => seen.length > 0,
    );
    expect(median(times)).to.be.within(2, 5);
  });

  it('is calibrated within its bounds, and starts its randomness again afterwards', async () => {
    await using lab = await upWith(
      ['rate: 40mbit, delay: 10ms', 'rate: 100mbit, delay: 400ms', 'rate: 20mbit', 'delay: 3ms, loss: 2%', 'mtu: 1400'],
      { emulator: 'relay', calibrate: true },
    );
    const found = lab.calibration!;
    expect(found.map(({ link, from }) => `${link} ${from}`)).to.deep.equal(
      ['l1', 'l2', 'l3', 'l4', 'l5'].flatMap((link) => [`${link} a`, `${link} b`]),
    );
    for (const { faults } of found) expect(faults).to.deep.equal([]);
    const of = (link: string) => found.find((own) => own.link === link)!;
    expect(of('l1').rateBps! / 40e6).to.be.within(0.98, 1.02);
    expect(of('l2').delay!.medianUs).to.be.within(399_500, 400_500);
    expect(of('l3')).to.include({ emulator: 'tbf' });
    expect(of('l4').rateBps).to.equal(null);
    expect(of('l5')).to.include({ emulator: 'none', rateBps: null });
    expect(of('l5').delay!.medianUs).to.be.within(-50, 500);
    const counters = (await lab.link('l4').counters())!;
    expect(counters[0].packets).to.be.below(20);
  });

  it('with a trace is calibrated by it, frame by frame, and fails when it follows another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mpip-trace-'));
    try {
      const csv = join(folder, 'steps.csv');
      writeFileSync(csv, 'time,rate,delay\n0s,8mbit,20ms\n300ms,32mbit,5ms\n600ms,0,5ms\n640ms,16mbit,40ms\n2s\n');
      const mahimahi = join(folder, 'cell.trace');
      writeFileSync(mahimahi, '1\n3\n4\n9\n');
      await using lab = await upWith([`trace: ${csv}, delay: 10ms`, `trace: ${mahimahi}, loss: 1%`], {
        emulator: 'relay',
        calibrate: true,
      });
      const found = lab.calibration!;
      for (const { faults, traceUs } of found) {
        expect(faults).to.deep.equal([]);
        expect(traceUs).to.be.within(400_000, 2_200_000);
      }
      // 4 packets of 1500 bytes in 9 ms, in frames of 1514.
      expect(found[2]!.rateBps! / ((4 * 1514 * 8) / 0.009)).to.be.within(0.95, 1.05);
      // The relay has read its trace; who measures finds another.
      writeFileSync(csv, 'time,rate,delay\n0s,8mbit,22ms\n300ms,32mbit,7ms\n600ms,0,7ms\n640ms,16mbit,42ms\n2s\n');
      const error = await rejection(lab.calibrate());
      expect(error.code).to.equal('E_LAB_CALIBRATION');
      expect(error.message).to.match(
        /l1 a->b \(relay\): frames come at other times than its trace lets them: off by (1\.[5-9]|2\.[0-4])\d ms/,
      );
      expect(error.message).not.to.contain('l2');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('fails the calibration when it is not what its topology says', async () => {
    await using lab = await upWith(['rate: 10mbit, delay: 5ms'], { emulator: 'relay' });
    await lab
      .node('a')
      .exec(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', '9mbit', 'burst', '3kb', 'latency', '500ms']);
    const error = await rejection(lab.calibrate());
    expect(error.code).to.equal('E_LAB_CALIBRATION');
    expect(error.message).not.to.contain('b->a');
  });

  it('ends with the lab; without its relay nothing passes, the lab says why, and a new one carries on', async () => {
    const lab = await upWith(['delay: 1ms', 'delay: 1ms, loss: 30%'], { emulator: 'relay' });
    try {
      // What the relay's end keeps from being resolved would wait a second for the next request.
      await pinNeighbours(lab);
      await lab.link('l1').set({ delayUs: 4000 });
      await lab.link('l2').set({ carrier: 'down' });
      const pid = relayPid(lab);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).to.contain('relay');
      process.kill(pid, 'SIGKILL');
      await eventually(
        async () => relayPid(lab),
        (left) => left === 0,
      );
      expect(relayPid(lab)).to.equal(0);
      const error = await rejection(lab.link('l1').set({ delayUs: 2000 }));
      expect(error.code).to.equal('E_LAB_RELAY');
      expect(error.message).to.match(/^link l1: the relay cannot be reached: .*mpip-lab link restart relay-/);
      expect(lab.link('l1').emulation[0]).to.include({ delayUs: 4000 });
      expect(await roundTripsMs(lab, '10.1.0.2', 15)).to.deep.equal([]);

      await lab.restartRelay();
      expect(median(await roundTripsMs(lab, '10.1.0.2', 30))).to.be.within(8, 10.5);
      expect(await carrierOf(lab.node('a'), 'eth1')).to.equal('0');
      await lab.link('l2').set({ carrier: 'up' });
      await eventually(
        () => carrierOf(lab.node('b'), 'eth1'),
        (seen) => seen === '1',
      );
      await pinNeighbours(lab, 2);
      // Alive or dead: it starts over, and loses the same packets.
      const arrivals: number[][] = [];
      for (let i = 0; i < 2; i++) {
        const before = relayPid(lab);
        await lab.restartRelay();
        expect(relayPid(lab)).to.not.equal(before);
        arrivals.push(await datagrams(lab, '10.2.0.2', 500, 300));
      }
      expect(arrivals[0]).to.have.length.within(250, 450);
      expect(arrivals[1]).to.deep.equal(arrivals[0]);
    } finally {
      await lab.down();
    }
    const plain = await upWith(['rate: 10mbit']);
    try {
      expect((await rejection(plain.restartRelay())).code).to.equal('E_LAB_LINK');
    } finally {
      await plain.down();
    }
    const second = await upWith(['delay: 1ms'], { emulator: 'relay' });
    const pid = relayPid(second);
    await second.down();
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });

  it('tells a broken trace before anything is made', async () => {
    const error = await rejection(upWith(['trace: /no/such/file'], { emulator: 'relay' }));
    expect(error).to.include({ code: 'E_LAB_TRACE', message: 'trace /no/such/file: there is no such file' });
  });
});

/** Both hosts know each other's link address on the nth link for good. */
async function pinNeighbours(lab: Lab, nth = 1): Promise<void> {
  const device = `eth${nth - 1}`;
  const address = async (node: string): Promise<string> =>
    (await lab.node(node).exec(['cat', `/sys/class/net/${device}/address`])).stdout.trim();
  for (const [node, other, ip] of [
    ['a', 'b', `10.${nth}.0.2`],
    ['b', 'a', `10.${nth}.0.1`],
  ] as const) {
    await lab
      .node(node)
      .exec(['ip', 'neigh', 'replace', ip, 'lladdr', await address(other), 'dev', device, 'nud', 'permanent']);
  }
}
