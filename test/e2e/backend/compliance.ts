/** What every backend has to do, as tests; one file calls it for each of them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type BackendName, Lab, LabCommandError, LabError, parseTopology } from '../../../lab/lab.js';
import { holdsRate } from '../emulation/emulates.js';
import { expectState, machineState } from '../lab/machine-state.js';
import { MpipLab } from '../lab/mpip-lab.js';

const TWO_PATHS = fileURLToPath(new URL('../../../lab/topologies/two-paths.yaml', import.meta.url));

/** An emulated processor is slow: sources would take minutes to load, and it carries less. */
const inVirtualMachine = process.env.MPIP_VM_RECORDS !== undefined;
/** Mbit/s: of the direct link from a, from b, and what the former is changed to. */
const [THERE, BACK, CHANGED] = inVirtualMachine ? [8, 4, 5] : [40, 8, 16];

/** A direct link, and a way through a router and a switch. */
const TOPOLOGY = parseTopology(
  `name: comply
nodes: { a: { kind: host }, b: { kind: host }, r: { kind: router }, s: { kind: switch, subnet: 10.3.0.0/24 } }
links:
  direct: { ends: [a:eth0, b:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"], rate: ${THERE}mbit, b->a: { rate: ${BACK}mbit } }
  left: { ends: [a:eth1, r:eth0], subnet: [10.2.0.0/24, "fd00:2::/64"] }
  right: { ends: [r:eth1, s:p1] }
  far: { ends: [s:p2, b:eth1] }
`,
  'comply.yaml',
);

/** Seconds that a process of this test sleeps, and no other's. */
const CHILD = 1_000_000 + process.pid;

export interface BackendUnderTest {
  readonly name: BackendName;
  /** What else this backend leaves behind, of labs whose names begin so: texts. */
  readonly remains: (prefix: string) => Promise<string[]>;
  /** Kills in the middle of a set-up, and how long that takes about, in ms. */
  readonly moments: number;
  readonly setUpMs: number;
}

/** Defines the tests; `backend` is asked when they run. */
export function complies(backend: () => BackendUnderTest): void {
  describe('while a lab is up', () => {
    let lab: Lab;
    let files: string;

    before(async () => {
      files = mkdtempSync(join(tmpdir(), 'mpip-comply-'));
      lab = await Lab.up(TOPOLOGY, { backend: backend().name });
    });

    after(async () => {
      await lab?.down();
      rmSync(files, { recursive: true });
    });

    const ping = (from: string, source: string, destination: string) =>
      lab.node(from).exec(['ping', '-n', '-c', '1', '-W', '2', '-I', source, destination]);

    it('joins its nodes by links, routers and switches, and by no other way', async () => {
      await ping('a', '10.1.0.1', '10.1.0.2');
      await ping('a', 'fd00:1::1', 'fd00:1::2');
      await ping('a', '10.2.0.1', '10.3.0.2');
      await ping('b', '10.3.0.2', '10.2.0.1');
      expect(await rejection(ping('a', '10.1.0.1', '10.3.0.2'))).to.be.instanceOf(LabCommandError);
    });

    it('gives each interface its addresses, and no node another way out', async () => {
      for (const node of lab.nodes) {
        const { stdout } = await node.exec(['ip', '-json', 'address', 'show', 'up']);
        const devices = (JSON.parse(stdout) as Device[]).filter(({ ifname }) => ifname !== 'lo' && ifname !== 'br0');
        const found = devices.map(({ ifname, addr_info }) => {
          const own = addr_info.filter(({ scope }) => scope === 'global');
          return { name: ifname, addresses: own.map(({ local, prefixlen }) => `${local}/${prefixlen}`) };
        });
        const planned = node.interfaces.map(({ name, addresses }) => ({ name, addresses: [...addresses] }));
        expect(found, node.name).to.have.deep.members(planned);
        expect((await node.exec(['ip', 'route', 'show', 'default'])).stdout, node.name).to.equal('');
      }
      expect((await lab.node('r').exec(['cat', '/proc/sys/net/ipv4/ip_forward'])).stdout.trim()).to.equal('1');
    });

    it('holds TCP to the rate of each direction, and to another at once', async () => {
      await using _server = await lab.node('b').spawn(['iperf3', '-s', '--forceflush'], { readyWhen: /listening/ });
      const goodput = async (...options: string[]): Promise<number> => {
        const command = ['iperf3', '-c', '10.1.0.2', '-t', '3', '-O', '1', '-C', 'cubic', '--json', ...options];
        return JSON.parse((await lab.node('a').exec(command)).stdout).end.sum_received.bits_per_second;
      };
      const attempts = inVirtualMachine ? 3 : 1;
      await holdsRate(() => goodput(), THERE * 1e6, attempts);
      await holdsRate(() => goodput('-R'), BACK * 1e6, attempts);
      await lab.link('direct').set({ rateBps: CHANGED * 1e6, from: 'a' });
      await holdsRate(() => goodput(), CHANGED * 1e6, attempts);
    });

    it('carries packets that are packets on a wire without a rate, and holds it to one when it gets one', async () => {
      await using _server = await lab.node('b').spawn(['iperf3', '-s', '--forceflush'], { readyWhen: /listening/ });
      const transfer = async (...options: string[]): Promise<number> => {
        const command = ['iperf3', '-c', '10.3.0.2', '-C', 'cubic', '--json', ...options];
        return JSON.parse((await lab.node('a').exec(command)).stdout).end.sum_received.bits_per_second;
      };
      const received = () =>
        lab
          .node('r')
          .counters()
          .find((own) => own.interface === 'eth0')!;
      const before = received();
      await transfer('-n', '20M');
      const { rxBytes, rxPackets } = received();
      expect((rxBytes - before.rxBytes) / (rxPackets - before.rxPackets)).to.be.within(1400, 1514);
      await lab.link('left').set({ rateBps: 20e6, from: 'a' });
      // What slow start lost on the full queue is delivered late: that is over after two seconds.
      expect((await transfer('-t', '4', '-O', '2')) / (20e6 * (1448 / 1514))).to.be.within(0.95, 1.02);
    });

    it('runs commands: input, environment, output, exit status', async () => {
      const { stdout, stderr } = await lab.node('a').exec(['sh', '-c', 'cat; echo $MPIP_NODE $COLOUR; echo e >&2'], {
        input: 'in ',
        env: { COLOUR: 'red' },
        cwd: '/',
      });
      expect({ stdout, stderr }).to.deep.equal({ stdout: 'in a red\n', stderr: 'e\n' });
      const big = await lab.node('a').exec(['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x']);
      expect(big.stdout.length).to.equal(3_000_000);
      const failed = await rejection(lab.node('a').exec(['sh', '-c', 'echo out; echo no good >&2; exit 7']));
      expect(failed).to.include({ node: 'a', exitCode: 7, stdout: 'out\n', stderr: 'no good\n' });
      const missing = await rejection(lab.node('a').exec(['no-such-program']));
      expect(missing).to.be.instanceOf(LabCommandError);
      expect((missing as Error).message).to.contain('no-such-program');
      const late = await rejection(lab.node('a').exec(['sleep', '60'], { timeoutMs: 50 }));
      expect((late as Error).message).to.contain('longer than 50 ms');
      const signal = AbortSignal.timeout(50);
      expect(await rejection(lab.node('a').exec(['sleep', '60'], { signal }))).to.equal(signal.reason);
    });

    it('ends a process and its children when it is stopped, and tells how', async () => {
      const node = lab.node('a');
      const started = await node.spawn(['sh', '-c', `sleep ${CHILD} & echo ready; wait`], { readyWhen: /ready/ });
      const children = (): string[] => processes((line) => line === `sleep ${CHILD}`);
      while (children().length === 0) await sleep(5);
      const [first, second] = [await started.stop(), await started.stop()];
      expect(first).to.deep.equal(second);
      expect(first).to.deep.equal({ exitCode: undefined, signal: 'SIGTERM' });
      expect(children()).to.deep.equal([]);
      const stubborn = await node.spawn(['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'], {
        readyWhen: /ready/,
      });
      expect(await stubborn.stop()).to.deep.equal({ exitCode: undefined, signal: 'SIGKILL' });
      const early = await rejection(node.spawn(['sh', '-c', 'echo bad port >&2; exit 3'], { readyWhen: /listening/ }));
      expect((early as Error).message).to.match(/ended \(3\) before it was ready\nbad port/);
    });

    it('delivers signals to a process alone, and its output to lines or files', async () => {
      const node = lab.node('b');
      const lines: string[] = [];
      await using started = await node.spawn(
        ['sh', '-c', 'trap "echo got it" USR1; echo ready; while :; do sleep 0.05; done'],
        { readyWhen: /ready/, onLine: (line) => lines.push(line) },
      );
      started.kill('SIGUSR1');
      while (!lines.includes('got it')) await sleep(5);
      for (const directory of [files, join(lab.directory, 'b')]) {
        const [stdout, stderr] = [join(directory, 'out'), join(directory, 'err')];
        const toFiles = await node.spawn(['sh', '-c', 'echo one; echo two >&2; exit 3'], { stdout, stderr });
        expect(await toFiles.exited).to.deep.equal({ exitCode: 3, signal: undefined });
        expect([readFileSync(stdout, 'utf8'), readFileSync(stderr, 'utf8')]).to.deep.equal(['one\n', 'two\n']);
      }
    });

    it('counts what its interfaces carry', async () => {
      const bytes = (device: string): number =>
        lab
          .node('b')
          .counters()
          .find((own) => own.interface === device)?.rxBytes ?? Number.NaN;
      const before = [bytes('eth0'), bytes('eth1')] as const;
      await lab.node('a').exec(['ping', '-n', '-c', '3', '-i', '0.1', '-s', '1000', '-I', '10.1.0.1', '10.1.0.2']);
      expect(bytes('eth0') - before[0]).to.be.greaterThan(3000);
      expect(bytes('eth1') - before[1]).to.be.lessThan(1000);
    });

    it('unplugs a link, which the other end sees, and plugs it in again with its routes and addresses', async () => {
      const state = async (node: string): Promise<string> => {
        const show = 'for f in 4 6; do ip -$f route show table all; ip -$f addr; done';
        const { stdout } = await lab.node(node).exec(['sh', '-c', `${show} | grep -v fe80 | sed s/linkdown// | sort`]);
        return stdout.replace(/\s+$/gm, '');
      };
      const before = { a: await state('a'), r: await state('r') };
      await lab.link('left').set({ carrier: 'down', at: 'a' });
      expect((await lab.node('a').exec(['cat', '/sys/class/net/eth1/carrier'])).stdout).to.equal('0\n');
      expect(await rejection(ping('a', '10.2.0.1', '10.3.0.2'))).to.be.instanceOf(LabCommandError);
      await lab.link('left').set({ carrier: 'up' });
      expect({ a: await state('a'), r: await state('r') }).to.deep.equal(before);
      // A neighbour that was asked in vain before is asked again only after a while.
      for (const deadline = performance.now() + 10_000; ; ) {
        const lost = await ping('a', '10.2.0.1', '10.3.0.2').then(
          () => undefined,
          (error: unknown) => error,
        );
        if (lost === undefined) break;
        if (performance.now() > deadline) throw lost;
      }
    });

    it('can be opened by name, also twice, and runs beside another lab of the same topology', async () => {
      await using other = await Lab.up(TOPOLOGY, { backend: backend().name });
      expect(other.name).to.not.equal(lab.name);
      const opened = Lab.open(other.name);
      expect((await opened.node('a').exec(['sh', '-c', 'echo $MPIP_LAB'])).stdout).to.equal(`${other.name}\n`);
      await opened.release();
    });
  });

  it('emulates delay on a link, and another delay when that is asked for', async () => {
    const delayed = parseTopology(
      'name: t\nnodes: { a: { kind: host }, b: { kind: host } }\n' +
        'links: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, delay: 20ms } }',
      't.yaml',
    );
    await using lab = await Lab.up(delayed, { backend: backend().name });
    /** The least of several, ms: a busy machine only adds to it. */
    const roundTrip = async (): Promise<number> => {
      const { stdout } = await lab.node('a').exec(['ping', '-n', '-c', '5', '-i', '0.1', '10.1.0.2']);
      return Number(/ = ([\d.]+)\//.exec(stdout)?.[1]);
    };
    expect(await roundTrip()).to.be.within(40, 45);
    await lab.link('l').set({ delayUs: 5000 });
    expect(await roundTrip()).to.be.within(10, 15);
  });

  it('translates addresses at a router with NAT', async () => {
    const home = parseTopology(
      'name: t\nnodes: { c: { kind: host }, b: { kind: host }, r: { kind: router, nat: { type: port-restricted, outside: wan } } }\n' +
        'links:\n  inside: { ends: [c:eth0, r:lan], subnet: 10.1.0.0/24 }\n  outside: { ends: [r:wan, b:eth0], subnet: 10.2.0.0/24 }\n',
      't.yaml',
    );
    await using lab = await Lab.up(home, { backend: backend().name });
    await using server = await lab.node('b').spawn(['iperf3', '-s', '--forceflush'], { readyWhen: /listening/ });
    await lab.node('c').exec(['iperf3', '-c', '10.2.0.2', '-t', '1']);
    expect(server.stdout).to.match(/Accepted connection from 10\.2\.0\.1,/);
    expect(await rejection(lab.node('b').exec(['ping', '-n', '-c', '1', '-W', '1', '10.1.0.1']))).to.be.instanceOf(
      LabCommandError,
    );
  });

  it('runs mpipd on its hosts, all paths live, through a kill and a restart', async () => {
    const topology = parseTopology(readFileSync(TWO_PATHS, 'utf8'), TWO_PATHS);
    await using lab = await Lab.up(topology, { backend: backend().name });
    const live = async (): Promise<string[]> =>
      ((await lab.node('a').mpip?.status())?.paths ?? [])
        .filter(({ state }) => state === 'live')
        .map(({ source, destination }) => `${source.address} ${destination.address}`)
        .sort();
    expect(await live()).to.deep.equal(['10.1.0.1 10.1.0.2', '10.2.0.1 10.2.0.2']);
    const daemon = lab.node('a').mpip;
    const first = daemon?.pid;
    await daemon?.kill('SIGKILL');
    expect(daemon?.pid).to.equal(undefined);
    await daemon?.restart();
    expect(daemon?.pid).to.be.a('number').and.not.equal(first);
    const deadline = performance.now() + 10_000;
    while ((await live()).length < 2 && performance.now() < deadline) await sleep(20);
    expect(await live()).to.have.lengthOf(2);
    await lab.node('a').exec(['ping', '-n', '-c', '1', '-W', '2', '10.1.0.2']);
  });

  describe('as commands', () => {
    let cli: MpipLab;

    beforeEach(() => {
      cli = new MpipLab(inVirtualMachine ? 'build' : 'sources');
    });

    afterEach(async () => {
      await cli.run('down', '--all');
      cli[Symbol.dispose]();
    });

    const up = (name: string, ...options: string[]) =>
      cli.start('up', TWO_PATHS, '--backend', backend().name, '--no-mpip', '--name', name, ...options);

    it('keeps a lab, runs commands in it with their status, and takes it down from its record, once', async () => {
      const before = machineState(cli.traces);
      const name = cli.newName();
      expect(await up(name, '--keep').ended).to.include({ status: 0, stdout: `${name}\n` });
      const told = await cli.run('exec', name, 'a', '--', 'sh', '-c', 'echo $MPIP_NODE; echo e >&2; exit 7');
      expect(told).to.deep.equal({ status: 7, stdout: 'a\n', stderr: 'e\n' });
      expect((await cli.run('down', name)).status).to.equal(0);
      await expectState(before, cli.traces);
      expect(await backend().remains(cli.prefix)).to.deep.equal([]);
      const again = await cli.run('down', name);
      expect(again.status).to.equal(0);
      expect(again.stderr).to.contain(`no lab is named "${name}"`);
    });

    it('ends what its nodes run, stubborn or not', async () => {
      const before = machineState(cli.traces);
      const name = cli.newName();
      await up(name, '--keep').ended;
      const stubborn = cli.start('exec', name, 'a', 'sh', '-c', `trap "" TERM; setsid sleep ${CHILD} & sleep ${CHILD}`);
      while (processes((line) => line === `sleep ${CHILD}`).length < 2) await sleep(20);
      expect((await cli.run('down', name)).status).to.equal(0);
      await stubborn.ended;
      expect(processes((line) => line === `sleep ${CHILD}`)).to.deep.equal([]);
      await expectState(before, cli.traces);
      expect(await backend().remains(cli.prefix)).to.deep.equal([]);
    });

    it('leaves nothing after SIGKILL at moments of its set-up and down --all', async function () {
      this.timeout(120_000 + backend().moments * 15_000);
      const { moments, setUpMs, remains } = backend();
      const before = machineState(cli.traces);
      for (let moment = 0; moment < moments; moment++) {
        const name = cli.newName();
        const running = up(name, ...(moment % 2 === 1 ? ['--keep'] : []));
        while (!existsSync(join(cli.state, name))) await sleep(1);
        // Spread over the set-up, and a little beyond it.
        await sleep((setUpMs * (moment + Math.random())) / moments);
        running.child.kill('SIGKILL');
        await running.ended;
        expect((await cli.run('down', '--all')).status).to.equal(0);
        await expectState(before, cli.traces);
        expect(await remains(cli.prefix), `moment ${moment}`).to.deep.equal([]);
      }
    });
  });

  it('leaves nothing when a step of its set-up fails, and tells why', async () => {
    const name = `comply-${process.pid}`;
    const impossible = parseTopology(
      'name: t\nnodes: { a: { kind: host, sysctls: { net.ipv4.no_such: 1 } }, b: { kind: host } }\n' +
        'links: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 } }',
      't.yaml',
    );
    const error = await rejection(Lab.up(impossible, { backend: backend().name, name }));
    expect(error).to.be.instanceOf(LabError).and.include({ code: 'E_LAB_SYSCTL' });
    expect(() => Lab.open(name)).to.throw('no lab is named');
    expect(readdirSync('/run/netns').filter((own) => own.startsWith(name))).to.deep.equal([]);
    expect(await backend().remains(name)).to.deep.equal([]);
  });
}

interface Device {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

/** Command lines of the machine's processes that match. */
function processes(matches: (line: string) => boolean): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return matches(line) ? [line] : [];
    } catch {
      return [];
    }
  });
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}
