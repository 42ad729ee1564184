import { expect } from 'chai';
import { nodeImage } from '../../../lab/backend/docker/image.js';
import { Lab, LabMachineError, parseTopology } from '../../../lab/lab.js';
import { complies, rejection } from './compliance.js';
import { TestEngine } from './engine.js';

const HOSTS = parseTopology(
  'name: d\nnodes: { a: { kind: host }, b: { kind: host } }\nlinks: { l: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24 } }',
  'd.yaml',
);

/** As for the cycles of network namespaces: MPIP_CYCLES=50 for more. */
const MOMENTS = Number(process.env.MPIP_CYCLES || 6);

describe('the backend of Docker containers', function () {
  this.timeout(180_000);

  let engine: TestEngine;

  before(async function () {
    // An image that is made from scratch takes a download and a minute or two.
    this.timeout(600_000);
    const found = await TestEngine.find();
    if (typeof found !== 'string') {
      engine = found;
      return;
    }
    // Part of the title, which the summary of all tests names.
    const suite = this.test?.parent;
    if (suite) suite.title += ` (${found.split('\n')[0]})`;
    this.skip();
  });

  after(async () => {
    await engine?.[Symbol.asyncDispose]();
  });

  const remains = async (prefix: string): Promise<string[]> => {
    const all = await (await engine.connect()).listContainers({ all: true });
    return all.flatMap(({ Names }) => Names).filter((name) => name.startsWith(`/${prefix}`));
  };

  complies(() => ({ name: 'docker', remains, moments: MOMENTS, setUpMs: 900 }));

  it('gives nodes NET_ADMIN, NET_RAW and the TUN device, and nothing more', async () => {
    await using lab = await Lab.up(HOSTS, { backend: 'docker' });
    const { stdout } = await lab
      .node('a')
      .exec(['grep', '-E', '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):', '/proc/self/status']);
    const status = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/:\s+/)),
    );
    // CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13.
    const both = '0000000000003000';
    const none = '0000000000000000';
    expect(status).to.deep.equal({
      CapPrm: both,
      CapEff: both,
      CapBnd: both,
      CapAmb: none,
      NoNewPrivs: '1',
      Seccomp: '2',
    });
    await lab.node('a').exec(['sh', '-c', '[ -c /dev/net/tun ] && ip tuntap add mode tun name t0']);
    await lab.node('a').exec(['sysctl', '-qw', 'net.ipv4.conf.eth0.rp_filter=2']);
    for (const forbidden of [
      'echo 1 > /proc/sys/kernel/panic',
      'mount -t tmpfs t /mnt',
      'ip netns add x',
      'ls /dev/kmsg',
    ]) {
      expect(await rejection(lab.node('a').exec(['sh', '-c', forbidden])), forbidden).to.include({ node: 'a' });
    }
  });

  it('marks its containers by labels and gives them no network of the engine', async () => {
    await using lab = await Lab.up(HOSTS, { backend: 'docker' });
    const container = await (await engine.connect()).getContainer(`${lab.name}-a`).inspect();
    expect(container.Config.Labels).to.include({ 'mpip-lab.lab': lab.name, 'mpip-lab.node': 'a' });
    expect(container.Config.Labels['mpip-lab.token']).to.equal(lab.record.token);
    expect(container.HostConfig.NetworkMode).to.equal('none');
    expect(lab.record.containers?.nodes.map(({ id }) => id)).to.include(container.Id);
  });

  it('is not made where somebody has a container of that name, and leaves it alone', async () => {
    const docker = await engine.connect();
    const name = `taken-${process.pid}`;
    const stranger = await docker.createContainer({ name: `${name}-b`, Image: nodeImage() });
    try {
      const error = await rejection(Lab.up(HOSTS, { backend: 'docker', name }));
      expect(error).to.include({ code: 'E_LAB_NAME_TAKEN' });
      expect((error as Error).message).to.contain(`${name}-b`);
      expect((await stranger.inspect()).Name).to.equal(`/${name}-b`);
      expect(await remains(`${name}-a`)).to.deep.equal([]);
    } finally {
      await stranger.remove({ force: true });
    }
  });

  it('takes a container down that the engine made after its maker had died', async () => {
    const docker = await engine.connect();
    const lab = await Lab.up(HOSTS, { backend: 'docker' });
    const { token } = lab.record;
    // The record knows nothing of it but the token, as if the answer had never come.
    const late = { name: `late-${process.pid}`, Image: nodeImage(), Labels: { 'mpip-lab.token': token } };
    await docker.createContainer(late);
    await lab.down();
    expect(await remains(late.name)).to.deep.equal([]);
  });

  it('says what is missing where no engine answers, and how to get it', async () => {
    const host = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = 'unix:///no/such/socket';
    try {
      const error = await rejection(Lab.up(HOSTS, { backend: 'docker' }));
      expect(error).to.be.instanceOf(LabMachineError);
      expect((error as Error).message)
        .to.contain('apt-get install')
        .and.to.contain('docker.io');
      process.env.DOCKER_HOST = 'tcp://elsewhere:2375';
      expect(((await rejection(Lab.up(HOSTS, { backend: 'docker' }))) as Error).message).to.contain('this machine');
    } finally {
      process.env.DOCKER_HOST = host;
    }
  });
});
