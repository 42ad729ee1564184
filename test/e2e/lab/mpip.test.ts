import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Lab, LabError, makePlan, type Plan, parseTopology, readTopology } from '../../../lab/lab.js';
import type { ControlError } from '../../../src/daemon/api.js';
import { expectState, machineState } from './machine-state.js';
import { MpipLab } from './mpip-lab.js';

const TWO_PATHS = fileURLToPath(new URL('../../../lab/topologies/two-paths.yaml', import.meta.url));

/** Addresses of the live paths that a node sees. */
async function livePaths(lab: Lab, node: string): Promise<string[]> {
  const status = await lab.node(node).mpip?.status();
  return (status?.paths ?? [])
    .filter(({ state }) => state === 'live')
    .map(({ source, destination }) => `${source.address} ${destination.address}`)
    .sort();
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

describe('a lab with MPIP hosts', function () {
  this.timeout(60_000);

  let plan: Plan;
  before(async () => {
    plan = makePlan(await readTopology(TWO_PATHS));
  });

  it('is up when every pair of hosts has all its paths', async () => {
    await using lab = await Lab.up(plan);
    expect(await livePaths(lab, 'a')).to.deep.equal(['10.1.0.1 10.1.0.2', '10.2.0.1 10.2.0.2']);
    expect(await livePaths(lab, 'b')).to.deep.equal(['10.1.0.2 10.1.0.1', '10.2.0.2 10.2.0.1']);
  });

  it('starts no mpipd where plain hosts are asked for', async () => {
    await using lab = await Lab.up(plan, { mpip: false });
    expect(lab.node('a').mpip).to.equal(undefined);
    expect((await lab.node('a').exec(['ip', '-brief', 'link'])).stdout).to.not.contain('mpip0');
  });

  it('gives mpipd its settings and the peers that it can reach', async () => {
    const settings = '{ scheduler: paper, log: { level: debug } }';
    const topology = parseTopology(
      `name: e2e\nnodes: { a: { kind: host, mpip: ${settings} }, b: { kind: host, mpip: true }, c: { kind: host } }\n` +
        'links: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 } }',
      'e2e.yaml',
    );
    await using lab = await Lab.up(topology);
    expect((await lab.node('a').mpip?.status())?.scheduler).to.equal('paper');
    expect((await lab.node('b').mpip?.status())?.scheduler).to.not.equal('paper');
    expect(lab.node('c').mpip).to.equal(undefined);
    expect(readFileSync(lab.node('a').mpip?.configFile ?? '', 'utf8')).to.contain('10.1.0.2');
  });

  it('ends and starts mpipd on a node, as another process or by a signal', async () => {
    await using lab = await Lab.up(plan);
    const daemon = lab.node('a').mpip;
    const first = daemon?.pid;
    await daemon?.kill('SIGKILL');
    expect(daemon?.pid).to.equal(undefined);
    expect(((await rejection(daemon?.status() as Promise<unknown>)) as ControlError).code).to.equal('E_NOT_RUNNING');
    await daemon?.restart();
    expect(daemon?.pid).to.be.a('number').and.not.equal(first);
    const opened = Lab.open(lab.name);
    expect(opened.node('a').mpip?.pid).to.equal(daemon?.pid);
    await opened.node('a').mpip?.restart();
    await opened.release();
    expect((await daemon?.status())?.daemon.pid).to.equal(daemon?.pid);
  });

  it('tells which paths are missing, with the end of the logs, and leaves nothing', async () => {
    const secrets = ['one', 'another'].map((secret) => `{ kind: host, mpip: { secret: ${secret} } }`);
    const topology = parseTopology(
      `name: e2e\nnodes: { a: ${secrets[0]}, b: ${secrets[1]} }\nlinks: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 } }`,
      'e2e.yaml',
    );
    const error = await rejection(Lab.up(topology, { name: `e2e-${process.pid}` }));
    expect(error).to.be.instanceOf(LabError).and.include({ code: 'E_LAB_PATHS' });
    expect((error as Error).message).to.match(/a 10\.1\.0\.1 -> b 10\.1\.0\.2: /);
    expect((error as Error).message).to.contain('a | {');
    expect(() => Lab.open(`e2e-${process.pid}`)).to.throw('no lab is named');
  });

  it('can be kept: mpipd outlives the command, its log can be read, and down ends it', async () => {
    using cli = new MpipLab();
    const name = cli.newName();
    const before = machineState(cli.traces);
    expect(await cli.run('up', TWO_PATHS, '--keep', '--name', name)).to.include({ status: 0, stdout: `${name}\n` });
    expect(machineState(cli.traces).processes.filter((line) => line.includes('mpipd.yaml'))).to.have.lengthOf(2);
    expect((await cli.run('inspect', name)).stdout).to.match(/^a +host .* 2 of \d+ paths live$/m);
    expect((await cli.run('logs', name, 'b')).stdout).to.match(/^b \| \{.*"mpipd runs"/m);
    expect((await cli.run('down', name)).status).to.equal(0);
    await expectState(before, cli.traces);
  });

  it('stops waiting for paths when it is told to', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const onStep = ({ title }: { title: string }): void => {
      if (title === 'mpipd') controller.abort(reason);
    };
    expect(await rejection(Lab.up(plan, { signal: controller.signal, onStep }))).to.equal(reason);
  });
});
