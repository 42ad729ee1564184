import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { MpipLab } from './mpip-lab.js';

const PACKAGE = new URL('../../../package.json', import.meta.url);
const TOPOLOGY = fileURLToPath(new URL('../../../lab/topologies/two-paths.yaml', import.meta.url));

describe('the command line of the lab', function () {
  this.timeout(60_000);

  let lab: MpipLab;
  let directory: string;

  before(() => {
    lab = new MpipLab();
    directory = mkdtempSync(join(tmpdir(), 'mpip-cli-test-'));
  });

  after(async () => {
    await lab.run('down', '--all');
    lab[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });

  const file = (text: string): string => {
    const path = join(directory, 'topology.yaml');
    writeFileSync(path, text);
    return path;
  };

  it('checks topologies: status 0 for a good one, 2 and the place for a bad one, and all are looked at', async () => {
    const good = await lab.run('check', TOPOLOGY);
    expect(good).to.include({ status: 0, stdout: `${TOPOLOGY}: ok, 2 nodes, 2 links\n` });
    const bad = file('name: t\nnodes:\n  a: { kind: hots }\n');
    const both = await lab.run('check', bad, TOPOLOGY);
    expect(both.status).to.equal(2);
    expect(both.stderr).to.contain(`${bad}:3:14: nodes.a.kind: "hots" is not allowed, did you mean "host"?`);
    expect(both.stdout).to.contain('ok');
  });

  it('ends as it should when nobody reads its output any more', async () => {
    const check = lab.start('check', TOPOLOGY);
    check.child.stdout?.destroy();
    expect(await check.ended).to.deep.equal({ status: 0, stdout: '', stderr: '' });
  });

  it('says what up would do, and does nothing', async () => {
    const { status, stdout } = await lab.run('up', TOPOLOGY, '--dry-run', '--name', lab.newName());
    expect(status).to.equal(0);
    expect(stdout)
      .to.contain('rule 20000: from 10.1.0.1 lookup 20000')
      .and.to.contain('link add name eth0 mtu 1500 netns');
    expect(JSON.parse((await lab.run('list', '--json')).stdout)).to.deep.equal([]);
  });

  it('says which processes up would start, with their configuration', async () => {
    const name = lab.newName();
    const topology = file(
      'name: t\nnodes: { a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} } }\n' +
        'links: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, rate: 10mbit, jitter: 1ms, delay: 5ms } }\n',
    );
    const { stdout } = await lab.run('up', topology, '--dry-run', '--name', name);
    expect(stdout)
      .to.contain(`install -D -m 600 /dev/stdin ${lab.state}/${name}/-relay/relay.json <<'END'`)
      .and.to.match(new RegExp(`^setsid --fork ip netns exec ${name}--relay node dist/lab/relay/main.js `, 'm'))
      .and.to.contain('peers:\n  - 10.1.0.2\n')
      .and.to.match(new RegExp(`^setsid --fork ip netns exec ${name}-a node dist/src/daemon/main.js --config `, 'm'));
    const docker = await lab.run('up', topology, '--dry-run', '--name', name, '--backend', 'docker');
    expect(docker.stdout).to.contain(`docker exec --detach ${name}-b `);
  });

  it('tells its version, that of the package', async () => {
    const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
    for (const option of ['--version', '-V']) {
      expect(await lab.run(option)).to.deep.equal({ status: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  it('takes down what there is of the labs that are named, and tells of the others', async () => {
    const names = [lab.newName(), lab.newName()];
    for (const name of names) await lab.run('up', TOPOLOGY, '--no-mpip', '--keep', '--name', name);
    const down = await lab.run('down', names[0]!, 'no-such-lab', names[1]!);
    expect(down.status).to.equal(0);
    expect(down.stderr)
      .to.contain('no lab is named "no-such-lab"')
      .and.to.contain(`down: ${names.join(', ')}`);
    expect(JSON.parse((await lab.run('list', '--json')).stdout)).to.deep.equal([]);
  });

  it('examines the machine', async () => {
    const { status, stdout } = await lab.run('doctor', '--json');
    const findings: { id: string; has: boolean; needed: boolean; remedy: string | null }[] = JSON.parse(stdout);
    expect(findings.map(({ id }) => id)).to.include.members([
      'root',
      'tc',
      'tbf',
      'netem',
      'tun',
      'mptcp',
      'chromium',
      'docker',
    ]);
    expect(status).to.equal(findings.some(({ needed, has }) => needed && !has) ? 3 : 0);
    for (const { has, remedy } of findings) expect(remedy === null).to.equal(has);
    const table = (await lab.run('doctor')).stdout;
    for (const { id, has } of findings) expect(table).to.match(new RegExp(`^${has ? 'has' : 'lacks'} +${id} `, 'im'));
  });

  it('ends with status 2 and one line or a place for what makes no sense', async () => {
    for (const words of [
      ['nonsense'],
      ['up'],
      ['up', TOPOLOGY, '--no-such-option'],
      ['up', join(directory, 'absent.yaml')],
      ['up', TOPOLOGY, '--name', 'a b'],
      ['down'],
      ['down', 'x', '--all'],
      ['inspect', 'no-such-lab'],
      ['exec', 'no-such-lab', 'a', 'true'],
      ['link', 'set', 'no-such-lab', 'l', 'rate=1mbit'],
    ]) {
      const { status, stderr } = await lab.run(...words);
      expect(status, words.join(' ')).to.equal(2);
      expect(stderr, words.join(' '))
        .to.not.equal('')
        .and.not.match(/^\s+at /m);
    }
  });

  it('shows and changes a running lab', async () => {
    const name = lab.newName();
    expect((await lab.run('up', TOPOLOGY, '--no-mpip', '--keep', '--name', name)).status).to.equal(0);
    expect((await lab.run('list')).stdout).to.match(new RegExp(`^${name} +two-paths +up +2 +kept `, 'm'));
    expect((await lab.run('link', 'set', name, 'path1', 'rate=10mbit', 'limit=20packets', 'from=a')).status).to.equal(
      0,
    );
    expect((await lab.run('link', 'set', name, 'path2', 'carrier=down', 'at=b')).status).to.equal(0);
    const { stdout } = await lab.run('inspect', name);
    expect(stdout)
      .to.match(/^path1 +a:eth0 +b:eth0 +10mbit, burst \d+ B, queue 30280 B +tbf$/m)
      .and.to.match(/^path1 +b:eth0 +a:eth0 +40mbit, /m)
      .and.to.match(/^path2 +a:eth1 +b:eth1 +carrier down, 20mbit, /m);
    expect((await lab.run('graph', name)).stdout).to.contain('>carrier down<');
    const links = await lab.run('exec', name, 'b', '--', 'cat', '/sys/class/net/eth1/carrier');
    expect(links).to.include({ status: 0, stdout: '0\n' });
    for (const setting of ['rate=fast', 'speed=1mbit', 'carrier=off', 'rate', 'loss={ model: bursts }', 'loss={']) {
      const refused = await lab.run('link', 'set', name, 'path1', setting);
      expect(refused.status, setting).to.equal(2);
      expect(refused.stderr).to.contain(setting);
    }
    expect((await lab.run('exec', name, 'c', 'true')).stderr).to.contain('no node is named "c"; nodes: a, b');
    expect((await lab.run('down', name)).status).to.equal(0);
  });
});
