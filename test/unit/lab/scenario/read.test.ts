import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { LabError } from '../../../../lab/error.js';
import { planOf } from '../../../../lab/experiment/arm-plan.js';
import type { Arm } from '../../../../lab/experiment/experiment.js';
import { limitOf } from '../../../../lab/experiment/limit-of.js';
import { kindOfDocument } from '../../../../lab/scenario/kind-of-document.js';
import { parseScenario, readScenario } from '../../../../lab/scenario/read.js';
import { trialsOf } from '../../../../lab/scenario/trials.js';

const EXPERIMENTS = new URL('../../../../experiments/', import.meta.url);

const TOPOLOGY = `
topology:
  nodes:
    a: { kind: host, mpip: { reorder: { tcp: adaptive, udp: off } } }
    b: { kind: host, mpip: {} }
  links:
    path1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 40mbit }
`;

const FAILOVER = `${TOPOLOGY}
arms: [ip, mpip, { name: paper, label: As in the paper, mpip: { scheduler: paper, reorder: { tcp: paper } } }, mptcp]
workloads:
  - { name: download, type: iperf3, from: a, to: b, duration: 20s }
  - { name: path, type: ping, from: a, to: b, at: 2s, duration: 10s }
events:
  - { at: 8s, link: path1, set: { carrier: down, at: b } }
  - { at: 10s, node: a, mpipd: kill }
  - { at: 12s, node: a, exec: 'echo $\${HOME}' }
settle: 4s
short: 10s
claims:
  - mpip.download.goodput >= 95% * limit
  - { that: "least(paper.download.goodput) > 1mbit" }
`;

const read = (text: string) => parseScenario(text, 'failover.yaml');

describe('a scenario', () => {
  it('may say what is for some combinations only, give the combinations themselves, and measure series', async () => {
    const text = `${TOPOLOGY.replace('40mbit', `"\${rate}"`)}
matrix:
  - { group: slow, rate: 10mbit }
  - { group: fast, rate: 40mbit }
arms: [mpip]
workloads: [{ name: download, type: iperf3, from: a, to: b, duration: 20s, interval: 100ms }]
events:
  - { name: cut, at: 8s, link: path1, set: { carrier: down }, only: { group: slow } }
  - { name: cut, at: 10s, link: path1, set: { carrier: down }, only: { group: [fast, other] } }
bin: 100ms
short: { duration: 10s, only: { rate: 40mbit } }
measures:
  - { name: still, pause-of: download.goodput }
  - { name: back, time-until: path1.rate, reaches: 80%, after: cut }
claims:
  - { that: mpip.still < 200ms, only: { group: slow } }
  - mpip.back < 1s
`;
    const scenario = await read(text);
    expect(scenario.cases.map(({ parameters }) => parameters.group)).to.deep.equal(['slow', 'fast']);
    expect(scenario.cases.map(({ events }) => events.map(({ at, name }) => [name, at]))).to.deep.equal([
      [['cut', 8]],
      [['cut', 10]],
    ]);
    expect(scenario.cases.map(({ claims }) => claims.length)).to.deep.equal([2, 1]);
    expect(scenario.cases[0]!.measures).to.deep.equal([
      { kind: 'pause', name: 'still', series: 'download.goodput', below: 0 },
      { kind: 'time-until', name: 'back', series: 'path1.rate', least: 8e6, after: 8 },
    ]);
    const [trial, ...others] = trialsOf(scenario, { duration: 'short' });
    expect(others).to.deep.equal([]);
    expect(trial).to.deep.include({ duration: 10, bin: 0.1, parameters: { group: 'fast', rate: '40mbit' } });
    expect(trial!.measures[1]).to.deep.include({ after: 5, least: 32e6 });
    expect(trial!.workloads[0]).to.deep.include({ interval: 0.1 });
  });

  it('is read into arms, workloads, events and claims in base units', async () => {
    const { name, cases } = await read(FAILOVER);
    expect(name).to.equal('failover');
    const [only] = cases;
    expect(only!.arms.map(({ id, label, mpip, mptcp }) => [id, label, mpip, mptcp])).to.deep.equal([
      ['ip', 'Plain IP', false, false],
      ['mpip', 'MPIP', true, false],
      ['paper', 'As in the paper', true, false],
      ['mptcp', 'MPTCP', false, true],
    ]);
    expect(only!.workloads[0]).to.deep.include({ type: 'iperf3', protocol: 'tcp', congestion: 'cubic', duration: 20 });
    expect(only!.workloads[1]).to.deep.include({ type: 'ping', at: 2, duration: 10, interval: 0.2 });
    expect(only!.events).to.deep.equal([
      { kind: 'link', at: 8, link: 'path1', set: { carrier: 'down', at: 'b' }, text: 'path1 carrier=down at=b' },
      { kind: 'mpipd', at: 10, node: 'a', action: 'kill', text: 'a: mpipd kill' },
      { kind: 'exec', at: 12, node: 'a', command: ['sh', '-c', `echo \${HOME}`], text: `a: echo \${HOME}` },
    ]);
    expect(only!.duration).to.equal(20);
    expect(only!.claims).to.have.length(2);
  });

  it('gives an arm its settings of mpipd over those of the hosts, key by key', async () => {
    const { cases } = await read(FAILOVER);
    const { arms, plan } = cases[0]!;
    const settings = planOf(arms[2]!, plan).nodes.map(({ mpip }) => mpip?.settings);
    expect(settings).to.deep.equal([
      { scheduler: 'paper', reorder: { tcp: 'paper', udp: 'off' } },
      { scheduler: 'paper', reorder: { tcp: 'paper' } },
    ]);
    expect(planOf(arms[0]!, plan).nodes.map(({ mpip }) => mpip)).to.deep.equal([null, null]);
  });

  it('runs in another time with all times in proportion', async () => {
    const [trial] = trialsOf(await read(FAILOVER), { duration: 'short' });
    expect(trial!.duration).to.equal(10);
    expect(trial!.settle).to.equal(2);
    expect(trial!.events.map(({ at }) => at)).to.deep.equal([4, 5, 6]);
    expect(trial!.workloads.map((each) => [each.at, 'duration' in each && each.duration])).to.deep.equal([
      [0, 10],
      [1, 5],
    ]);
    const [longer] = trialsOf(await read(FAILOVER), { duration: 30 });
    expect(longer!.workloads[0]).to.deep.include({ duration: 30 });
    const [written] = trialsOf(await read(FAILOVER));
    expect(written!.duration).to.equal(20);
  });

  it('leaves a transfer of a size as it is in another time, and lasts until it is done', async () => {
    const sized = '- { name: file, type: iperf3, from: a, to: b, reverse: true, size: 16mib }';
    const alone = await read(`${TOPOLOGY}\narms: [ip]\nworkloads:\n  ${sized}\n`);
    expect(alone.cases[0]!.workloads[0]).to.deep.include({ size: 16 << 20, duration: null });
    expect(alone.cases[0]!.duration).to.equal(null);
    const timed = await read(`${TOPOLOGY}\nduration: 20s\narms: [ip]\nworkloads:\n  ${sized}\n`);
    const [trial] = trialsOf(timed, { duration: 10 });
    expect(trial).to.deep.include({ duration: 10 });
    expect(trial!.workloads[0]).to.deep.include({ size: 16 << 20, duration: null });
  });

  it('keeps the moments of means and of rules in proportion, and reads rules as mpipd takes them', async () => {
    const text = `${TOPOLOGY}
arms: [mpip]
workloads: [{ name: film, type: video, from: a, to: b, duration: 40s, seek: { at: 20s, to: 5min } }]
events:
  - { name: split, at: 10s, node: a, rules: [{ name: film, source-port: 5201, mode: single-path }] }
short: 20s
measures:
  - { name: together, mean-of: film.rate, from: 4s, to: split }
  - { name: ahead, mean-of: film.buffer }
claims:
  - mpip.together > 1mbit
  - mpip.ahead > 1s
  - mpip.film.after_seek < 2s
  - mpip.film.share_1080p > 50%
`;
    const scenario = await read(text);
    expect(scenario.cases[0]!.events).to.deep.equal([
      {
        kind: 'rules',
        at: 10,
        name: 'split',
        node: 'a',
        rules: [{ name: 'film', 'source-port': 5201, mode: 'single-path' }],
        text: 'a: rules film',
      },
    ]);
    const [trial] = trialsOf(scenario, { duration: 'short' });
    expect(trial!.measures).to.deep.equal([
      { kind: 'mean', name: 'together', series: 'film.rate', unit: 'bit/s', from: 2, to: 5 },
      { kind: 'mean', name: 'ahead', series: 'film.buffer', unit: 's', from: null, to: null },
    ]);
    expect(trial!.workloads[0]).to.deep.include({ duration: 20, seek: { at: 10, to: 300 } });
  });

  it('that lasts until it is done has no other time', async () => {
    const done = await read(`${TOPOLOGY}
arms: [ip]
workloads: [{ name: page, type: http, from: a, to: b, size: 1mb }]
`);
    expect(done.cases[0]!.duration).to.equal(null);
    expect(() => trialsOf(done, { duration: 5 })).to.throw(LabError, 'until its workloads are done');
  });

  it('runs the arms that are asked for, and refuses others', async () => {
    const scenario = await read(FAILOVER);
    expect(trialsOf(scenario, { arms: ['paper', 'ip'] })[0]!.arms.map(({ id }) => id)).to.deep.equal(['ip', 'paper']);
    expect(() => trialsOf(scenario, { arms: ['quic'] })).to.throw(LabError, 'failover has no arm quic');
  });

  it('with a matrix has a case for each combination, in its topology and its workloads', async () => {
    const { cases } = await read(`
topology:
  nodes: { a: { kind: host }, b: { kind: host } }
  links:
    path1:
      ends: [a:eth0, b:eth0]
      subnet: 10.1.0.0/24
      rate: \${rate}
arms: [ip]
matrix:
  rate: [10mbit, 20mbit]
  flows: [1, 4]
workloads:
  - { name: download, type: iperf3, from: a, to: b, duration: 5s, parallel: "\${flows}" }
claims:
  - ip.download.goodput > 90% * limit
`);
    const figures = cases.map(({ parameters, plan, workloads }) => [
      parameters,
      plan.links[0]!.ends[0].shaping?.rateBps,
      workloads[0]!.type === 'iperf3' && workloads[0]!.parallel,
    ]);
    expect(figures).to.deep.equal([
      [{ rate: '10mbit', flows: 1 }, 10e6, 1],
      [{ rate: '10mbit', flows: 4 }, 10e6, 4],
      [{ rate: '20mbit', flows: 1 }, 20e6, 1],
      [{ rate: '20mbit', flows: 4 }, 20e6, 4],
    ]);
  });

  it('may claim metrics that only its command knows', async () => {
    const command = (json: boolean): string => `${TOPOLOGY}
arms: [ip]
workloads: [{ name: probe, type: exec, node: a, command: probe, json: ${json} }]
claims: [ip.probe.answers.good == 3]
`;
    expect((await read(command(true))).cases).to.have.length(1);
    const failure = await read(command(false)).catch((error: Error) => error.message);
    expect(failure).to.include('no metric is called "ip.probe.answers.good"');
  });

  it('is told from a topology by its keys', () => {
    expect(kindOfDocument(FAILOVER, 'f.yaml')).to.equal('scenario');
    expect(kindOfDocument('name: t\nnodes: { a: { kind: host } }', 'f.yaml')).to.equal('topology');
    expect(kindOfDocument('nodes: 7\nbad: x', 'f.yaml')).to.equal('topology');
    expect(kindOfDocument('arms: 7', 'f.yaml')).to.equal('scenario');
  });

  for (const file of readdirSync(EXPERIMENTS).filter((name) => name.endsWith('.yaml'))) {
    it(`of the experiments is sound: ${file}`, async () => {
      const scenario = await readScenario(fileURLToPath(new URL(file, EXPERIMENTS)));
      expect(scenario.name).to.equal(file.replace('.yaml', ''));
      expect(trialsOf(scenario, { duration: 'short' })).to.have.length.within(1, scenario.cases.length);
      expect(scenario.cases[0]!.claims).to.not.deep.equal([]);
    });
  }

  it('leaves out the links that an arm does without, and what they would carry', async () => {
    const text = `
topology:
  nodes: { a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} } }
  links:
    path1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 10mbit }
    path2: { ends: [a:eth1, b:eth1], subnet: 10.2.0.0/24, rate: 5mbit }
arms: [{ name: second, without: path1 }, { name: first, mpip: true, without: [path2] }, mpip]
workloads: [{ name: download, type: iperf3, from: a, to: b, duration: 5s }]
`;
    const [own] = (await read(text)).cases;
    const linksOf = (arm: Arm): string[] => planOf(arm, own!.plan).links.map(({ name }) => name);
    expect(own!.arms.map(linksOf)).to.deep.equal([['path2'], ['path1'], ['path1', 'path2']]);
    const [second, first, both] = own!.arms.map((arm) => limitOf(arm, own!.plan, own!.workloads[0]!)!);
    expect(second! / 5e6).to.be.within(0.9, 1);
    expect(first! / 10e6).to.be.within(0.9, 1);
    expect(both).to.be.closeTo(first! * 1.5, 1);
  });
});
