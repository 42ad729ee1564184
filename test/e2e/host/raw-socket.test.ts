import { expect } from 'chai';
import { parseAddress } from '../../../src/core/address.js';
import { set16 } from '../../../src/core/memory.js';
import { checksum, pseudoHeaderSum } from '../../../src/core/wire/checksum.js';
import * as ipv4 from '../../../src/core/wire/ipv4.js';
import * as ipv6 from '../../../src/core/wire/ipv6.js';
import * as udp from '../../../src/core/wire/udp.js';
import { Arena } from '../../../src/host/arena.js';
import { IoCounters } from '../../../src/host/io-counters.js';
import { RawSocket } from '../../../src/host/raw-socket.js';
import { connect, TestNamespace } from '../steering/namespace.js';
import { needsRoot } from '../steering/needs-root.js';
import { Wire } from './wire-fixture.js';

const PORT = 6747;
const MARK = 7;

/** A whole UDP packet at `at`, from port 7000 to `PORT`. Returns its bytes. */
function writePacket(b: Uint8Array, at: number, source: string, destination: string, payload: string): number {
  const from = parseAddress(source);
  const to = parseAddress(destination);
  const version = from.length === 4 ? 4 : 6;
  const ipBytes = version === 4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
  const udpBytes = udp.HEADER_BYTES + payload.length;
  if (version === 4) ipv4.writeIpv4(b, at, ipBytes + udpBytes, 0, 1, 0, 64, udp.PROTOCOL_UDP, from, to);
  else ipv6.writeIpv6(b, at, udpBytes, 0, 0, 64, udp.PROTOCOL_UDP, from, to);
  const transport = at + ipBytes;
  udp.writeUdp(b, transport, 7000, PORT, udpBytes);
  b.set(Buffer.from(payload), transport + udp.HEADER_BYTES);
  const sum = checksum(b, transport, udpBytes, pseudoHeaderSum(b, at, version, udp.PROTOCOL_UDP, udpBytes));
  set16(b, transport + udp.field.checksum, sum);
  return ipBytes + udpBytes;
}

describe('raw socket', function () {
  needsRoot(this);
  let a: TestNamespace;
  let b: TestNamespace;
  let arena: Arena;
  let counters: IoCounters;
  let raw: RawSocket;
  let packet: number;

  beforeEach(() => {
    a = new TestNamespace();
    b = new TestNamespace();
    connect(a, b, 'eth0');
    arena = Arena.allocate(65_536);
    counters = new IoCounters();
    packet = arena.memory.allocate(2048);
    raw = a.inside(() => RawSocket.open(MARK, arena, counters));
  });

  afterEach(() => {
    raw[Symbol.dispose]();
    arena[Symbol.dispose]();
    a[Symbol.dispose]();
    b[Symbol.dispose]();
  });

  function send(source: string, destination: string, payload: string): void {
    raw.send(packet, writePacket(arena.memory.bytes, packet, source, destination, payload));
  }

  /** What a socket of `b` at its address on `device` gets. */
  function receiver(address: string, device = 'eth0'): Wire {
    const wire = new Wire(b);
    wire.openAt({ id: 1, address, interface: device, interfaceIndex: 2, mtu: 1500 }, PORT);
    return wire;
  }

  for (const [source, destination, other] of [
    ['10.66.0.1', '10.66.0.2', '10.66.0.77'],
    ['fd66::1', 'fd66::2', 'fd66::77'],
  ]) {
    it(`sends a packet as it is from ${source}, or from an address that is not its own`, () => {
      using wire = receiver(destination);
      send(source, destination, 'own');
      send(other, destination, 'foreign');
      wire.serveUntil(() => wire.received.length === 2);
      expect(wire.received.map(({ bytes, from }) => [String(bytes), from.address, from.port])).to.deep.equal([
        ['own', source, 7000],
        ['foreign', other, 7000],
      ]);
      expect(counters).to.include({ nativeSentPackets: 2, nativeSendErrors: 0 });
    });
  }

  it('follows rules for its mark and for the source address of the packet', () => {
    // The second link leads to the same address of b, and only sources of its subnet go there.
    a.ip(`link add eth1 type veth peer name eth1 netns ${b.name}`);
    a.ip('addr add 10.67.0.1/24 dev eth1');
    b.ip('addr add 10.67.0.2/24 dev eth1');
    a.ip('link set eth1 up');
    b.ip('link set eth1 up');
    for (const device of ['eth0', 'eth1']) b.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
    b.ip('addr add 10.99.0.9/32 dev lo');
    a.ip('route add 10.99.0.9 via 10.66.0.2');
    a.ip('route add 10.99.0.9 via 10.67.0.2 table 67');
    a.ip(`rule add from 10.67.0.1 fwmark ${MARK} lookup 67`);
    using first = receiver('10.99.0.9', 'eth0');
    using second = receiver('10.99.0.9', 'eth1');
    send('10.66.0.1', '10.99.0.9', 'one');
    send('10.67.0.1', '10.99.0.9', 'two');
    first.serveUntil(() => first.received.length === 1);
    second.serveUntil(() => second.received.length === 1);
    expect(String(first.received[0].bytes)).to.equal('one');
    expect(String(second.received[0].bytes)).to.equal('two');
  });

  it('counts what cannot be sent', () => {
    send('10.66.0.1', '10.200.0.1', 'nowhere');
    expect(counters).to.include({ nativeSentPackets: 0, nativeSendErrors: 1 });
  });
});
