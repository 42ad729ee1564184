import { expect } from 'chai';
import fc from 'fast-check';
import * as ipv4 from '../../../src/core/wire/ipv4.js';
import * as ipv6 from '../../../src/core/wire/ipv6.js';
import { PacketView } from '../../../src/core/wire/packet.js';
import * as tcp from '../../../src/core/wire/tcp.js';
import * as udp from '../../../src/core/wire/udp.js';

const A4 = Uint8Array.of(10, 1, 0, 1);
const B4 = Uint8Array.of(10, 1, 0, 2);
const A6 = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const B6 = Uint8Array.from({ length: 16 }, (_, i) => 200 + i);

/** Bytes outside the packet throw when they are touched, as the property of a typed array cannot. */
function guarded(b: Uint8Array, at: number, bytes: number): Uint8Array {
  return new Proxy(b, {
    get(target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (Number.isInteger(index) && (index < at || index >= at + bytes)) throw new Error(`read at ${index}`);
      return Reflect.get(target, key, target);
    },
  });
}

function tcp4(payloadBytes: number, optionBytes = 0): Uint8Array {
  const b = new Uint8Array(40 + optionBytes + payloadBytes);
  ipv4.writeIpv4(b, 0, b.length, 0xb9, 7, ipv4.DONT_FRAGMENT, 64, tcp.PROTOCOL_TCP, A4, B4);
  tcp.writeTcp(b, 20, 40000, 5201, 0xfffffff0, 17, 20 + optionBytes, tcp.ACK | tcp.PSH, 500);
  return b;
}

/** `extensions`: headers between the fixed header and `protocol`, next-header fields still open. */
function v6(protocol: number, rest: Uint8Array, extensions: [type: number, header: Uint8Array][] = []): Uint8Array {
  const types = [...extensions.map(([type]) => type), protocol];
  const headers = extensions.map(([, header], i) => Uint8Array.of(types[i + 1], ...header.subarray(1)));
  const body = Uint8Array.from([...headers.flatMap((header) => [...header]), ...rest]);
  const b = new Uint8Array(40 + body.length);
  ipv6.writeIpv6(b, 0, body.length, 0xb9, 0xabcde, 64, types[0], A6, B6);
  b.set(body, 40);
  return b;
}

function udpBytes(length: number, total = length): Uint8Array {
  const b = new Uint8Array(total);
  udp.writeUdp(b, 0, 1000, 2000, length);
  return b;
}

describe('PacketView', () => {
  const view = new PacketView();

  it('finds every part of a TCP segment over IPv4', () => {
    const packet = tcp4(100, 12);
    const b = new Uint8Array(packet.length + 9);
    b.set(packet, 5);
    expect(view.parse(b, 5, packet.length + 4)).to.equal(true);
    expect(view).to.include({
      version: 4,
      protocol: 6,
      ipAt: 5,
      ipBytes: 20,
      transportAt: 25,
      transportBytes: 32,
      payloadAt: 57,
      payloadBytes: 100,
      totalBytes: 152,
      sourceAt: 17,
      destinationAt: 21,
      addressBytes: 4,
      sourcePort: 40000,
      destinationPort: 5201,
      tcpFlags: tcp.ACK | tcp.PSH,
      tcpSequence: -16,
      isFragment: false,
      dscp: 46,
      ecn: 1,
    });
  });

  it('finds a UDP datagram behind IPv6 extension headers', () => {
    const packet = v6(17, udpBytes(30), [
      [ipv6.HOP_BY_HOP, new Uint8Array(8)],
      [ipv6.ROUTING, Uint8Array.of(0, 2, ...new Uint8Array(22))],
      [ipv6.DESTINATION_OPTIONS, Uint8Array.of(0, 1, ...new Uint8Array(14))],
    ]);
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({
      version: 6,
      protocol: 17,
      ipBytes: 88,
      transportAt: 88,
      transportBytes: 8,
      payloadAt: 96,
      payloadBytes: 22,
      totalBytes: 118,
      sourceAt: 8,
      destinationAt: 24,
      addressBytes: 16,
      sourcePort: 1000,
      destinationPort: 2000,
      tcpFlags: 0,
      tcpSequence: 0,
      dscp: 46,
      ecn: 1,
    });
  });

  it('shows no transport header while a source route has hops left', () => {
    const packet = v6(17, udpBytes(30), [[ipv6.ROUTING, Uint8Array.of(0, 0, 4, 1, 0, 0, 0, 0)]]);
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({ protocol: ipv6.ROUTING, transportBytes: 0, sourcePort: 0, payloadBytes: 38 });
  });

  it('leaves the surplus area of a UDP datagram out of its payload', () => {
    const packet = v6(17, udpBytes(20, 50));
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({ payloadBytes: 12, totalBytes: 90 });
  });

  it('knows fragments, first ones too, and does not look into them', () => {
    for (const fragment of [ipv4.MORE_FRAGMENTS, 185, ipv4.MORE_FRAGMENTS | 185]) {
      const packet = tcp4(100);
      packet[6] = fragment >> 8;
      packet[7] = fragment;
      expect(view.parse(packet, 0, packet.length)).to.equal(true);
      expect(view).to.include({
        isFragment: true,
        protocol: 6,
        transportBytes: 0,
        sourcePort: 0,
        tcpFlags: 0,
        payloadBytes: 120,
      });
    }
    const packet = v6(17, udpBytes(9000, 100), [[ipv6.FRAGMENT, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 9)]]);
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({
      isFragment: true,
      protocol: 17,
      ipBytes: 48,
      transportBytes: 0,
      sourcePort: 0,
      payloadBytes: 100,
    });
  });

  it('shows other protocols without ports', () => {
    const packet = v6(58, new Uint8Array(16).fill(255));
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({ protocol: 58, transportBytes: 0, sourcePort: 0, destinationPort: 0, payloadBytes: 16 });
  });

  it('forgets the packet before', () => {
    expect(view.parse(tcp4(1), 0, 41)).to.equal(true);
    const packet = v6(59, new Uint8Array(0));
    expect(view.parse(packet, 0, packet.length)).to.equal(true);
    expect(view).to.include({
      protocol: 59,
      sourcePort: 0,
      destinationPort: 0,
      tcpFlags: 0,
      tcpSequence: 0,
      transportBytes: 0,
      payloadBytes: 0,
    });
  });

  it('refuses a packet cut at any byte', () => {
    const packets = [
      tcp4(3, 8),
      v6(17, udpBytes(12)),
      v6(6, tcp4(5).subarray(20), [[ipv6.HOP_BY_HOP, new Uint8Array(8)]]),
    ];
    for (const packet of packets) {
      expect(view.parse(packet, 0, packet.length)).to.equal(true);
      for (let bytes = 0; bytes < packet.length; bytes++)
        expect(view.parse(packet, 0, bytes), `${bytes} bytes`).to.equal(false);
    }
  });

  it('refuses lengths that contradict each other', () => {
    const broken: [string, Uint8Array, number, number][] = [
      ['IPv4 header of 16 bytes', tcp4(0), 0, 0x44],
      ['IPv4 header longer than the packet', tcp4(0), 0, 0x4f],
      ['IPv4 total length below its header', tcp4(0), 3, 19],
      ['TCP data offset of 16', tcp4(0), 32, 0x40],
      ['TCP data offset beyond the segment', tcp4(0), 32, 0x60],
      ['UDP length of 7', v6(17, udpBytes(8)), 45, 7],
      ['UDP length beyond the packet', v6(17, udpBytes(8)), 45, 9],
      ['version 5', tcp4(0), 0, 0x55],
      ['extension header beyond the packet', v6(17, udpBytes(8), [[ipv6.HOP_BY_HOP, new Uint8Array(8)]]), 41, 2],
    ];
    for (const [what, packet, at, value] of broken) {
      packet[at] = value;
      expect(view.parse(packet, 0, packet.length), what).to.equal(false);
    }
    const endless = v6(
      17,
      udpBytes(8),
      Array.from({ length: 9 }, () => [ipv6.DESTINATION_OPTIONS, new Uint8Array(8)]),
    );
    expect(view.parse(endless, 0, endless.length)).to.equal(false);
  });

  it('never throws, never reads outside, and proves its ranges, whatever the bytes are', () => {
    const seeds = [
      tcp4(20, 8),
      v6(17, udpBytes(20), [
        [ipv6.HOP_BY_HOP, new Uint8Array(8)],
        [ipv6.FRAGMENT, new Uint8Array(8)],
      ]),
      v6(6, tcp4(5).subarray(20), [[ipv6.ROUTING, new Uint8Array(8)]]),
    ];
    const random = fc.uint8Array({ maxLength: 120 });
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), fc.nat(20))
      .map(([seed, changes, cut]) => {
        const b = seed.slice(0, seed.length - cut);
        for (const [at, value] of changes) if (at < b.length) b[at] = value;
        return b;
      });
    fc.assert(
      fc.property(fc.oneof(random, mutated), fc.nat(3), (packet, at) => {
        const b = new Uint8Array(packet.length + at + 100).fill(0x11);
        b.set(packet, at);
        if (!view.parse(guarded(b, at, packet.length), at, packet.length)) return;
        expect(view.ipAt).to.equal(at);
        expect(view.transportAt).to.equal(at + view.ipBytes);
        expect(view.payloadAt).to.equal(view.transportAt + view.transportBytes);
        expect(view.payloadBytes).to.be.at.least(0);
        expect(view.payloadAt + view.payloadBytes).to.be.at.most(at + view.totalBytes);
        expect(view.totalBytes).to.be.at.most(packet.length);
        expect(view.destinationAt + view.addressBytes).to.be.at.most(at + view.ipBytes);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('header writers', () => {
  it('write an IPv4 header with a right checksum', () => {
    const b = tcp4(0);
    expect(Buffer.from(b.subarray(0, 20)).toString('hex')).to.equal('45b90028000740004006260c0a0100010a010002');
  });

  it('write IPv6 traffic class and flow label across their nibbles', () => {
    expect(Buffer.from(v6(6, new Uint8Array(0)).subarray(0, 8)).toString('hex')).to.equal('6b9abcde00000640');
  });

  it('write TCP and UDP headers', () => {
    expect(Buffer.from(tcp4(0, 4).subarray(20, 40)).toString('hex')).to.equal(
      '9c401451fffffff000000011601801f400000000',
    );
    expect(Buffer.from(udpBytes(9)).toString('hex')).to.equal('03e807d00009000000');
  });
});
