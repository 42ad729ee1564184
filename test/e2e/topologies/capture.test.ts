import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { findProgram } from '../../../lab/doctor/machine.js';
import { CmType } from '../../../src/core/wire/control.js';
import { MpipLab } from '../lab/mpip-lab.js';
import { needsRoot } from '../steering/needs-root.js';

const TWO_PATHS = fileURLToPath(new URL('../../../lab/topologies/two-paths.yaml', import.meta.url));
const DISSECTOR = fileURLToPath(new URL('../../../docs/mpip.lua', import.meta.url));

describe('mpip-lab capture', function () {
  needsRoot(this);
  this.timeout(60_000);

  let cli: MpipLab;
  let file: string;
  let name: string;
  before(async function () {
    if (findProgram('tcpdump') === undefined) return this.skip();
    cli = new MpipLab();
    name = cli.newName();
    expect(await cli.run('up', TWO_PATHS, '--keep', '--name', name)).to.include({ status: 0 });
    file = join(cli.state, '..', 'capture.pcapng');
    const capture = cli.start('capture', name, 'path1', 'b:eth1', '-w', file);
    await capture.says('capturing path1, b:eth1');
    // Pings for those who look for ICMP, and a flow that mpipd opens a session for.
    const traffic = `for (const address of ['10.1.0.2', '10.2.0.2']) require('child_process').execSync('ping -c 2 -i 0.3 ' + address);
      const socket = require('dgram').createSocket('udp4');
      let count = 0;
      setInterval(() => count++ < 20 ? socket.send('hello', 4000, '10.1.0.2') : process.exit(), 50);`;
    expect((await cli.run('exec', name, 'a', '--', process.execPath, '-e', traffic)).status).to.equal(0);
    capture.child.kill('SIGINT');
    expect((await capture.ended).status).to.equal(0);
    expect((await cli.run('capture', name, 'a:eth7', '-w', file)).stderr).to.contain('interfaces: eth0, eth1');
    expect((await cli.run('capture', name, 'x', '-w', file)).stderr).to.contain('links: path1, path2; nodes: a, b');
  });
  after(async () => {
    await cli?.run('down', name);
    cli?.[Symbol.dispose]();
  });

  it('writes pcapng with the names of the interfaces', () => {
    const bytes = readFileSync(file);
    expect(bytes.readUInt32LE(0)).to.equal(0x0a0d0d0a);
    const text = bytes.subarray(0, 300).toString('latin1');
    expect(text).to.contain('a:eth0').and.to.contain('b:eth1');
    let end = 0;
    const types: number[] = [];
    while (end < bytes.length) {
      types.push(bytes.readUInt32LE(end));
      end += bytes.readUInt32LE(end + 4);
      expect(bytes.readUInt32LE(end - 4), 'length at both ends of a block').to.equal(
        bytes.readUInt32LE(end - bytes.readUInt32LE(end - 4) + 4),
      );
    }
    expect(end).to.equal(bytes.length);
    expect(types.filter((type) => type === 6)).to.have.length.above(10);
  });

  it('is read by tshark, with packets of each interface under its name', async function () {
    if (findProgram('tshark') === undefined) return this.skip();
    const { stdout } = await execa('tshark', ['-r', file, '-T', 'fields', '-e', 'frame.interface_name', '-Y', 'icmp']);
    expect(new Set(stdout.split('\n'))).to.deep.equal(new Set(['a:eth0', 'b:eth1']));
  });

  it('takes all interfaces of a node, and ends quietly when its reader has seen enough', async function () {
    if (findProgram('tshark') === undefined) return this.skip();
    const pipe = join(cli.state, '..', 'pipe');
    await execa('sh', ['-c', 'mkfifo "$0"', pipe]);
    const reader = execa('sh', ['-c', 'tshark -r - -c 4 -T fields -e frame.interface_name < "$0"', pipe]);
    const capture = cli.start('capture', name, 'b', '-f', 'icmp', '-w', pipe);
    await capture.says('capturing b;');
    for (const address of ['10.1.0.2', '10.2.0.2']) await cli.run('exec', name, 'a', 'ping', '-c', '1', address);
    expect(new Set((await reader).stdout.split('\n'))).to.deep.equal(new Set(['b:eth0', 'b:eth1']));
    const pings = cli.start('exec', name, 'a', 'ping', '-i', '0.1', '10.1.0.2');
    expect(await capture.ended)
      .to.include({ status: 0 })
      .and.to.have.property('stderr')
      .that.does.not.match(/EPIPE/);
    pings.child.kill('SIGTERM');
    await pings.ended;
  });

  it('shows CM blocks and control messages by the dissector in docs', async function () {
    if (findProgram('tshark') === undefined) return this.skip();
    const tshark = ['-X', `lua_script:${DISSECTOR}`, '-r', file];
    const fields = ['mpip.version', 'mpip.type', 'mpip.path'].flatMap((field) => ['-e', field]);
    const { stdout, stderr } = await execa('tshark', [...tshark, '-Y', 'mpip', '-T', 'fields', ...fields]);
    expect(stderr).to.not.match(/lua|error/i);
    const rows = stdout.split('\n').map((line) => line.split('\t').map(Number));
    expect(rows).to.have.length.above(3);
    for (const [version, type] of rows) {
      expect(version).to.equal(1);
      expect(type).to.be.within(CmType.data, CmType.trial);
    }
    const all = await execa('tshark', [
      ...tshark,
      '-Y',
      'udp.port == 6747 && !mpip && !icmp',
      '-T',
      'fields',
      '-e',
      'frame.number',
    ]);
    expect(all.stdout, 'datagrams of mpipd that the dissector does not know').to.equal('');
    const broken = await execa('tshark', [
      ...tshark,
      '-Y',
      'mpip.malformed || _ws.lua.error',
      '-T',
      'fields',
      '-e',
      'frame.number',
    ]);
    expect(broken.stdout).to.equal('');
  });
});
