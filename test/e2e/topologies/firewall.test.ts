import { expect } from 'chai';
import { inNamespace } from '../../../lab/backend/netns/enter.js';
import { Lab, parseTopology } from '../../../lab/lab.js';
import { parseAddress } from '../../../src/core/address.js';
import { set16 } from '../../../src/core/memory.js';
import { checksum, pseudoHeaderSum } from '../../../src/core/wire/checksum.js';
import { writeIpv4 } from '../../../src/core/wire/ipv4.js';
import { Arena } from '../../../src/host/arena.js';
import { IoCounters } from '../../../src/host/io-counters.js';
import { RawSocket } from '../../../src/host/raw-socket.js';
import { needsRoot } from '../steering/needs-root.js';
import { TcpConnection, TcpListener, UdpSocket } from './sockets.js';

const A = '10.1.0.1';
const B = '10.2.0.1';
const IP_BYTES = 20;
const TCP_BYTES = 20;
const TCP = 6;
/** More than all else that goes over the link meanwhile. */
const PAYLOAD_BYTES = 1400;

const topology = (firewall: string) =>
  parseTopology(
    `
name: firewall
nodes:
  a: { kind: host }
  b: { kind: host }
  r: { kind: router, firewall: ${firewall} }
links:
  la: { ends: [a:eth0, r:eth0], subnet: 10.1.0.0/24 }
  lb: { ends: [b:eth0, r:eth1], subnet: 10.2.0.0/24 }
`,
    'firewall.yaml',
  );

/** A data segment of the connection from port 4000 to port 8000, half a sequence space away from where that is. */
function sendOutOfWindow(lab: Lab): void {
  using arena = Arena.allocate(65_536);
  const { bytes } = arena.memory;
  const at = arena.memory.allocate(2048);
  const length = IP_BYTES + TCP_BYTES + PAYLOAD_BYTES;
  writeIpv4(bytes, at, length, 0, 1, 0, 64, TCP, parseAddress(A), parseAddress(B));
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + IP_BYTES, TCP_BYTES);
  view.setUint16(0, 4000);
  view.setUint16(2, 8000);
  // The initial sequence number is anything: so are both, of which one at least is far off.
  view.setUint32(4, 0x1234_5678);
  view.setUint32(8, 0x1234_5678);
  view.setUint16(12, 0x5010);
  view.setUint16(14, 1000);
  const sum = pseudoHeaderSum(bytes, at, 4, TCP, TCP_BYTES + PAYLOAD_BYTES);
  set16(bytes, at + IP_BYTES + 16, checksum(bytes, at + IP_BYTES, TCP_BYTES + PAYLOAD_BYTES, sum));
  using raw = inNamespace(`${lab.name}-a`, () => RawSocket.open(0, arena, new IoCounters()));
  raw.send(at, length);
}

/** Bytes that b gets by a segment that no window has room for. */
async function bytesOfOutOfWindow(firewall: string): Promise<number> {
  await using lab = await Lab.up(topology(firewall));
  using listener = await TcpListener.open(lab, 'b', 8000);
  using connection = new TcpConnection(lab, 'a', 4000, { address: B, port: 8000 });
  expect(await connection.outcome).to.equal('connected');
  await listener.last(1);
  const received = (): number => lab.node('b').counters()[0]?.rxBytes ?? Number.NaN;
  const before = received();
  sendOutOfWindow(lab);
  using client = await UdpSocket.open(lab, 'a', 5000);
  using server = await UdpSocket.open(lab, 'b', 5000);
  await client.send('behind it', { address: B, port: 5000 });
  await server.gets('behind it');
  return received() - before;
}

describe('a firewall', function () {
  needsRoot(this);

  it('that is stateful drops a TCP segment outside of the window', async () => {
    expect(await bytesOfOutOfWindow('{ stateful: true }')).to.be.lessThan(PAYLOAD_BYTES);
  });

  it('that is not stateful forwards it', async () => {
    expect(await bytesOfOutOfWindow('{ block: icmp }')).to.be.greaterThan(PAYLOAD_BYTES);
  });

  it('blocks ports at either end of a flow, and allows exceptions', async () => {
    await using lab = await Lab.up(topology('{ block: [udp/5000-5999, tcp], allow: [udp/5500] }'));
    const open = (node: string, port: number): Promise<UdpSocket> => UdpSocket.open(lab, node, port);
    using a4000 = await open('a', 4000);
    using a5000 = await open('a', 5000);
    using b4000 = await open('b', 4000);
    using b5000 = await open('b', 5000);
    using b5500 = await open('b', 5500);
    await a4000.send('blocked by its destination', { address: B, port: 5000 });
    await a5000.send('blocked by its source', { address: B, port: 4000 });
    await a4000.send('exception', { address: B, port: 5500 });
    await b5500.gets('exception');
    await a4000.send('last', { address: B, port: 4000 });
    await b4000.gets('last');
    expect(b4000.received.map(({ text }) => text)).to.deep.equal(['last']);
    expect(b5000.received).to.deep.equal([]);
    using connection = new TcpConnection(lab, 'a', 4001, { address: B, port: 8000 });
    await lab.node('a').exec(['ping', '-c', '1', '-W', '5', B]);
    // Neither a connection nor a refusal.
    expect(connection.settled).to.equal(undefined);
  });
});
