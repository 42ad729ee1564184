import { existsSync, readdirSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { execa } from 'execa';
import { Lab, LabCommandError, LabError, makePlan, parseTopology, type Topology } from '../../../lab/lab.js';

/** Names are random, so several runs of these tests do not meet. */
const topology = (links: string, nodes = 'a: { kind: host }, b: { kind: host }'): Topology =>
  parseTopology(`name: e2e\nnodes: { ${nodes} }\nlinks:\n${links}`, 'e2e.yaml');

const TWO_PATHS = topology(
  '  path1: { ends: [a:eth0, b:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"], rate: 40mbit }\n' +
    '  path2: { ends: [a:eth1, b:eth1], subnet: [10.2.0.0/24, "fd00:2::/64"], rate: 20mbit }',
);

/** Connects from an address of `from` to one of `to` over TCP and brings a word back; rejects when there is no way. */
async function reach(lab: Lab, from: string, source: string, to: string, destination: string): Promise<string> {
  const serve = `const s=require('node:net').createServer(c=>c.end('hello')).listen(7000,'${destination}',()=>console.log('ready'))`;
  await using _server = await lab.node(to).spawn([process.execPath, '-e', serve], { readyWhen: /ready/ });
  const ask = `const c=require('node:net').connect({host:'${destination}',port:7000,localAddress:'${source}'});
    c.setTimeout(2000,()=>c.destroy(new Error('timeout')));c.pipe(process.stdout)`;
  return (await lab.node(from).exec([process.execPath, '-e', ask])).stdout;
}

/** What neighbours were asked in vain before a link came up is told to those who ask after it: they have to ask twice. */
async function eventually(attempt: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      expect(await attempt()).to.equal('hello');
      return;
    } catch (error) {
      if (!(error instanceof LabCommandError) || performance.now() > deadline) throw error;
    }
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

/** A namespace that is not a lab's. */
class Namespace implements AsyncDisposable {
  private constructor(
    private readonly name: string,
    private readonly inode: number,
  ) {}

  static async add(name: string): Promise<Namespace> {
    await execa('ip', ['netns', 'add', name]);
    return new Namespace(name, statSync(`/run/netns/${name}`).ino);
  }

  exists(): boolean {
    const path = `/run/netns/${this.name}`;
    return existsSync(path) && statSync(path).ino === this.inode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.exists()) await execa('ip', ['netns', 'delete', this.name]);
  }
}

describe('a lab', function () {
  this.timeout(60_000);

  it('joins hosts by each of its links, IPv4 and IPv6, and by no other way', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    for (const [source, destination] of [
      ['10.1.0.1', '10.1.0.2'],
      ['10.2.0.1', '10.2.0.2'],
      ['fd00:1::1', 'fd00:1::2'],
      ['fd00:2::1', 'fd00:2::2'],
    ] as const) {
      expect(await reach(lab, 'a', source, 'b', destination)).to.equal('hello');
    }
    expect(await rejection(reach(lab, 'a', '10.1.0.1', 'b', '10.2.0.2'))).to.be.instanceOf(LabCommandError);
  });

  it('carries packets through routers and switches', async () => {
    const routed = topology(
      '  l1: { ends: [a:eth0, r1:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"] }\n' +
        '  l2: { ends: [r1:eth1, s:p1] }\n' +
        '  l3: { ends: [s:p2, r2:eth0] }\n' +
        '  l4: { ends: [r2:eth1, b:eth0], subnet: [10.3.0.0/24, "fd00:3::/64"] }',
      'a: { kind: host }, b: { kind: host }, r1: { kind: router }, r2: { kind: router }, ' +
        's: { kind: switch, subnet: [10.2.0.0/24, "fd00:2::/64"] }',
    );
    await using lab = await Lab.up(routed);
    expect(await reach(lab, 'a', '10.1.0.1', 'b', '10.3.0.2')).to.equal('hello');
    expect(await reach(lab, 'a', 'fd00:1::1', 'b', 'fd00:3::2')).to.equal('hello');
  });

  it('tells which command failed, where and why', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    const error = await rejection(lab.node('a').exec(['sh', '-c', 'echo out; echo no good >&2; exit 7']));
    expect(error).to.be.instanceOf(LabCommandError);
    expect(error).to.include({ code: 'E_LAB_COMMAND', node: 'a', exitCode: 7, stdout: 'out\n', stderr: 'no good\n' });
    expect((error as Error).message).to.match(/^a: sh -c .*: failed with exit status 7\nno good$/);
    const missing = await rejection(lab.node('a').exec(['no-such-program']));
    expect((missing as Error).message).to.contain('no-such-program');
    const late = await rejection(lab.node('a').exec(['sleep', '60'], { timeoutMs: 50 }));
    expect((late as Error).message).to.contain('longer than 50 ms');
    const unready = await rejection(
      lab.node('b').spawn(['sh', '-c', 'echo bad port >&2; exit 3'], { readyWhen: /listening/ }),
    );
    expect((unready as Error).message).to.match(/ended \(3\) before it was ready\nbad port/);
  });

  it('passes input and environment on, and ends what its signal aborts', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    const { stdout } = await lab.node('a').exec(['sh', '-c', 'cat; echo $MPIP_NODE $COLOUR'], {
      input: 'in ',
      env: { COLOUR: 'red' },
    });
    expect(stdout).to.equal('in a red\n');
    const reason = new Error('enough');
    const error = await rejection(lab.node('a').exec(['sleep', '60'], { signal: AbortSignal.abort(reason) }));
    expect(error).to.equal(reason);
  });

  it('ends a process and its children when it is stopped', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    const started = await lab.node('a').spawn(['sh', '-c', 'sleep 1000 & echo ready; wait'], { readyWhen: /ready/ });
    expect((await lab.node('a').exec(['sh', '-c', `kill -0 ${started.pid} && echo alive`])).stdout).to.equal('alive\n');
    const [first, second] = [await started.stop(), await started.stop()];
    expect(first).to.deep.equal(second);
    expect(first.signal).to.equal('SIGTERM');
  });

  it('counts what its interfaces carry', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    const bytes = (node: string, device: string): number =>
      lab
        .node(node)
        .counters()
        .find((own) => own.interface === device)?.rxBytes ?? Number.NaN;
    const [before, other] = [bytes('b', 'eth0'), bytes('b', 'eth1')];
    await reach(lab, 'a', '10.1.0.1', 'b', '10.1.0.2');
    expect(bytes('b', 'eth0') - before).to.be.greaterThan(200);
    expect(bytes('b', 'eth1') - other).to.be.lessThan(200);
    expect(
      lab
        .node('b')
        .counters()
        .map((own) => own.interface),
    ).to.have.members(['eth0', 'eth1']);
  });

  it('holds TCP to the rate of each link and direction', async () => {
    const uneven = topology(
      '  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 40mbit, b->a: { rate: 8mbit } }',
    );
    await using lab = await Lab.up(uneven);
    await using _server = await lab.node('b').spawn(['iperf3', '-s', '--forceflush'], { readyWhen: /listening/ });
    const goodput = async (...options: string[]): Promise<number> => {
      const command = ['iperf3', '-c', '10.1.0.2', '-t', '3', '-O', '1', '-C', 'cubic', '--json', ...options];
      const report = JSON.parse((await lab.node('a').exec(command)).stdout);
      return report.end.sum_received.bits_per_second;
    };
    // Payload per Ethernet frame, which is what a rate counts: 1448 of 1514 bytes.
    const share = 1448 / 1514;
    expect((await goodput()) / (40e6 * share)).to.be.within(0.95, 1.02);
    expect((await goodput('-R')) / (8e6 * share)).to.be.within(0.95, 1.02);
    await lab.link('l').set({ rateBps: 16e6, from: 'a' });
    expect((await goodput()) / (16e6 * share)).to.be.within(0.95, 1.02);
    expect((await goodput('-R')) / (8e6 * share)).to.be.within(0.95, 1.02);
  });

  it('unplugs a link and plugs it in again, routes and IPv6 addresses included', async () => {
    const plan = makePlan(
      topology(
        '  l1: { ends: [a:eth0, r:eth0], subnet: [10.1.0.0/24, "fd00:1::/64"] }\n' +
          '  l2: { ends: [a:eth1, r:eth1], subnet: [10.2.0.0/24, "fd00:2::/64"] }\n' +
          '  l3: { ends: [b:eth0, r:eth2], subnet: [10.3.0.0/24, "fd00:3::/64"] }',
        'a: { kind: host }, b: { kind: host }, r: { kind: router }',
      ),
    );
    await using lab = await Lab.up(plan);
    const routes = async (node: string): Promise<string> => {
      const show = 'for f in 4 6; do ip -$f route show table all; ip -$f addr; done';
      const { stdout } = await lab.node(node).exec(['sh', '-c', `${show} | grep -v fe80 | sed s/linkdown// | sort`]);
      return stdout.replace(/\s+$/gm, '');
    };
    const carrier = async (node: string, device: string): Promise<string> =>
      (await lab.node(node).exec(['cat', `/sys/class/net/${device}/carrier`])).stdout.trim();
    const before = { a: await routes('a'), r: await routes('r') };
    for (const at of ['a', 'r']) {
      await lab.link('l1').set({ carrier: 'down', at });
      expect(await carrier(at, 'eth0')).to.equal('0');
      expect(await rejection(reach(lab, 'a', '10.1.0.1', 'b', '10.3.0.1'))).to.be.instanceOf(LabCommandError);
      expect(await reach(lab, 'a', '10.2.0.1', 'b', '10.3.0.1')).to.equal('hello');
      await lab.link('l1').set({ carrier: 'up' });
      expect(await carrier(at, 'eth0')).to.equal('1');
      expect({ a: await routes('a'), r: await routes('r') }).to.deep.equal(before);
      await eventually(() => reach(lab, 'a', '10.1.0.1', 'b', '10.3.0.1'));
      await eventually(() => reach(lab, 'a', 'fd00:1::1', 'b', 'fd00:3::1'));
    }
  });

  it('refuses changes of links that make no sense', async () => {
    await using lab = await Lab.up(topology('  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 }'));
    for (const change of [
      { carrier: 'down', at: 'c' },
      { carrier: 'up', at: 'a' },
      { from: 'a' },
      { limit: { kind: 'time', us: 1000 } },
    ] as const) {
      expect(await rejection(lab.link('l').set(change))).to.include({ code: 'E_LAB_LINK' });
    }
  });

  it('knows its nodes and links by name only', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    expect(() => lab.node('c')).to.throw(LabError, 'no node is named "c"; nodes: a, b');
    expect(() => lab.link('path3')).to.throw(LabError, 'no link is named "path3"; links: path1, path2');
  });

  it('is not made where somebody has a namespace of that name, and leaves it alone', async () => {
    const name = `e2e-${process.pid}`;
    await using stranger = await Namespace.add(`${name}-b`);
    expect(await rejection(Lab.up(TWO_PATHS, { name }))).to.include({ code: 'E_LAB_NAME_TAKEN' });
    expect(stranger.exists()).to.equal(true);
    expect(existsSync(`/run/netns/${name}-a`)).to.equal(false);
  });

  it('leaves a namespace alone that somebody else has put in the place of its own', async () => {
    await using lab = await Lab.up(TWO_PATHS);
    const taken = `${lab.name}-b`;
    await execa('ip', ['netns', 'delete', taken]);
    await using stranger = await Namespace.add(taken);
    await lab.down();
    expect(stranger.exists()).to.equal(true);
    expect(existsSync(`/run/netns/${lab.name}-a`)).to.equal(false);
  });

  it('leaves nothing when its set-up fails half-way, and tells why', async () => {
    const name = `e2e-${process.pid}`;
    const broken = topology(
      '  l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 }',
      'a: { kind: host }, b: { kind: host, sysctls: { net.ipv4.no_such_setting: 1 } }',
    );
    const error = await rejection(Lab.up(broken, { name }));
    expect(error).to.include({ code: 'E_LAB_SYSCTL' });
    expect((error as Error).message).to.contain('b: kernel setting net.ipv4.no_such_setting=1 was refused');
    expect(readdirSync('/run/netns').filter((entry) => entry.startsWith(name))).to.deep.equal([]);
    expect(() => Lab.open(name)).to.throw(LabError, `no lab is named "${name}"`);
  });

  it('runs beside another one of the same topology', async () => {
    await using one = await Lab.up(TWO_PATHS);
    await using other = await Lab.up(TWO_PATHS);
    expect(one.name).to.not.equal(other.name);
    await one.down();
    expect(await reach(other, 'a', '10.1.0.1', 'b', '10.1.0.2')).to.equal('hello');
  });
});
