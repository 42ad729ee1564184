import { expect } from 'chai';
import fc from 'fast-check';
import { Memory } from '../../../src/core/memory.js';
import { fold, pseudoHeaderSum } from '../../../src/core/wire/checksum.js';
import * as ipv4 from '../../../src/core/wire/ipv4.js';
import * as ipv6 from '../../../src/core/wire/ipv6.js';
import { NativeCutter } from '../../../src/core/wire/segment.js';
import * as tcp from '../../../src/core/wire/tcp.js';
import * as udp from '../../../src/core/wire/udp.js';
import * as vnet from '../../../src/core/wire/vnet.js';
import { readPacket } from './verify.js';

const ADDRESSES = {
  4: [Uint8Array.of(10, 1, 0, 1), Uint8Array.of(192, 168, 255, 254)],
  6: [Uint8Array.from({ length: 16 }, (_, i) => i * 7), Uint8Array.from({ length: 16 }, (_, i) => 255 - i)],
} as const;

interface Input {
  version: 4 | 6;
  protocol: 6 | 17;
  payload: Uint8Array;
  gsoBytes: number;
  optionBytes: number;
  flags: number;
  sequence: number;
  identification: number;
}

const input: fc.Arbitrary<Input> = fc.record({
  version: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<6 | 17>(6, 17),
  payload: fc.uint8Array({ minLength: 1, maxLength: 3000 }),
  gsoBytes: fc.integer({ min: 1, max: 1448 }),
  optionBytes: fc.nat(10).map((words) => 4 * words),
  flags: fc.nat(255),
  sequence: fc.nat(0xffff_ffff),
  identification: fc.nat(0xffff),
});

/** What a TUN device with offloads gives: header with the pseudo header's sum in the checksum field. */
function superPacket(from: Input, gso: boolean): Uint8Array {
  const ipBytes = from.version === 4 ? 20 : 40;
  const transportBytes = from.protocol === 6 ? 20 + from.optionBytes : 8;
  const total = ipBytes + transportBytes + from.payload.length;
  const b = new Uint8Array(vnet.VNET_BYTES + total);
  const ip = vnet.VNET_BYTES;
  const transport = ip + ipBytes;
  const [source, destination] = ADDRESSES[from.version];
  if (from.version === 4) {
    ipv4.writeIpv4(b, ip, total, 0x02, from.identification, ipv4.DONT_FRAGMENT, 64, from.protocol, source, destination);
  } else {
    ipv6.writeIpv6(b, ip, total - 40, 0x02, 12345, 64, from.protocol, source, destination);
  }
  const checksumOffset = from.protocol === 6 ? tcp.field.checksum : udp.field.checksum;
  if (from.protocol === 6) {
    tcp.writeTcp(b, transport, 40000, 443, from.sequence, 99, transportBytes, from.flags, 1000);
    b.fill(1, transport + 20, transport + transportBytes);
  } else {
    udp.writeUdp(b, transport, 40000, 443, 8 + from.payload.length);
  }
  b.set(from.payload, transport + transportBytes);
  const partial = fold(pseudoHeaderSum(b, ip, from.version, from.protocol, transportBytes + from.payload.length));
  b[transport + checksumOffset] = partial >> 8;
  b[transport + checksumOffset + 1] = partial;
  const tcpType = from.version === 4 ? vnet.GSO_TCPV4 : vnet.GSO_TCPV6;
  const type = !gso ? vnet.GSO_NONE : from.protocol === 6 ? tcpType | vnet.GSO_ECN : vnet.GSO_UDP_L4;
  const segment = gso ? from.gsoBytes : 0;
  vnet.writeVnet(b, 0, vnet.NEEDS_CSUM, type, ipBytes + transportBytes, segment, ipBytes, checksumOffset);
  return b;
}

class Bench {
  readonly memory = new Memory(new Uint8Array(300_000));
  private readonly at = this.memory.allocate(70_000) + 1;
  private readonly cutter = new NativeCutter(this.memory);
  offsets: number[] = [];

  cut(packet: Uint8Array): Uint8Array[] {
    this.memory.bytes.set(packet, this.at);
    this.offsets = [];
    const out: Uint8Array[] = [];
    const count = this.cutter.cut(this.at, packet.length, (offset, bytes) => {
      this.offsets.push(offset - this.at);
      out.push(this.memory.bytes.slice(offset, offset + bytes));
    });
    expect(count).to.equal(out.length);
    expect(Buffer.compare(this.memory.bytes.subarray(this.at, this.at + packet.length), packet), 'input').to.equal(0);
    return out;
  }
}

describe('NativeCutter', () => {
  const bench = new Bench();

  it('cuts super-packets into packets that rejoin to the payload, with every checksum and length right', () => {
    fc.assert(
      fc.property(input, (from) => {
        const out = bench.cut(superPacket(from, true));
        expect(out.length).to.equal(Math.ceil(from.payload.length / from.gsoBytes));
        const packets = out.map(readPacket);
        for (const [i, packet] of packets.entries()) {
          expect(packet.ipChecksumRight, 'IP checksum').to.equal(true);
          expect(packet.transportChecksumRight, 'transport checksum').to.equal(true);
          if (i < packets.length - 1) expect(packet.payload.length).to.equal(from.gsoBytes);
        }
        expect(Buffer.concat(packets.map((packet) => packet.payload)).equals(from.payload)).to.equal(true);
      }),
      { numRuns: 200 },
    );
  });

  it('counts IPv4 identification and TCP sequence up, wrapping round', () => {
    fc.assert(
      fc.property(input, (from) => {
        for (const [i, packet] of bench
          .cut(superPacket({ ...from, protocol: 6 }, true))
          .map(readPacket)
          .entries()) {
          const header = Buffer.from(packet.transportHeader);
          expect(header.readUInt32BE(4)).to.equal((from.sequence + i * from.gsoBytes) % 2 ** 32);
          if (packet.version === 4) {
            expect(Buffer.from(packet.ipHeader).readUInt16BE(4)).to.equal((from.identification + i) % 0x10000);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('keeps FIN and PSH for the last segment, CWR for the first, and all else on every one', () => {
    const from: Input = {
      version: 4,
      protocol: 6,
      payload: new Uint8Array(2500),
      gsoBytes: 1000,
      optionBytes: 12,
      flags: 0xff,
      sequence: 1,
      identification: 1,
    };
    const packets = bench.cut(superPacket(from, true)).map(readPacket);
    const middle = 0xff & ~(tcp.FIN | tcp.PSH | tcp.CWR);
    expect(packets.map((packet) => packet.transportHeader[13])).to.deep.equal([
      middle | tcp.CWR,
      middle,
      middle | tcp.FIN | tcp.PSH,
    ]);
    for (const { transportHeader } of packets) {
      expect([...transportHeader.subarray(20)]).to.deep.equal(new Array(12).fill(1));
      expect([...transportHeader.subarray(8, 12)]).to.deep.equal([0, 0, 0, 99]);
    }
  });

  it('completes a partial checksum and changes nothing else', () => {
    fc.assert(
      fc.property(input, (from) => {
        const packet = superPacket(from, false);
        const out = bench.cut(packet);
        expect(out.length).to.equal(1);
        const read = readPacket(out[0]);
        expect(read.transportChecksumRight).to.equal(true);
        const at = read.ipHeader.length + (from.protocol === 6 ? 16 : 6);
        const before = packet.slice(vnet.VNET_BYTES);
        for (const b of [before, out[0]]) b.fill(0, at, at + 2);
        expect(Buffer.compare(out[0], before)).to.equal(0);
      }),
      { numRuns: 100 },
    );
  });

  it('never sends a UDP checksum of 0', () => {
    const from: Input = {
      version: 4,
      protocol: 17,
      payload: new Uint8Array(2),
      gsoBytes: 2,
      optionBytes: 0,
      flags: 0,
      sequence: 0,
      identification: 0,
    };
    // The payload that makes everything else add up to 0xffff.
    const plain = readPacket(bench.cut(superPacket(from, false))[0]);
    from.payload = plain.transportHeader.slice(6, 8);
    for (const gso of [false, true]) {
      const read = readPacket(bench.cut(superPacket(from, gso))[0]);
      expect([...read.transportHeader.subarray(6, 8)]).to.deep.equal([0xff, 0xff]);
      expect(read.transportChecksumRight).to.equal(true);
    }
  });

  it('hands on complete packets of any protocol where they are', () => {
    const packet = new Uint8Array(vnet.VNET_BYTES + 30).fill(0xc3);
    vnet.writePlain(packet, 0);
    const out = bench.cut(packet);
    expect(bench.offsets).to.deep.equal([vnet.VNET_BYTES]);
    expect(Buffer.compare(out[0], packet.subarray(vnet.VNET_BYTES))).to.equal(0);
  });

  it('cuts the largest super-packet', () => {
    const payload = Uint8Array.from({ length: 65_535 - 52 }, (_, i) => i ^ (i >> 8));
    const from: Input = {
      version: 4,
      protocol: 6,
      payload,
      gsoBytes: 1448,
      optionBytes: 12,
      flags: tcp.ACK,
      sequence: 0,
      identification: 0,
    };
    const packets = bench.cut(superPacket(from, true)).map(readPacket);
    expect(packets.every((packet) => packet.transportChecksumRight && packet.ipChecksumRight)).to.equal(true);
    expect(Buffer.concat(packets.map((packet) => packet.payload)).equals(payload)).to.equal(true);
  });

  it('emits nothing for headers that contradict the packet', () => {
    const from: Input = {
      version: 4,
      protocol: 6,
      payload: new Uint8Array(100),
      gsoBytes: 50,
      optionBytes: 0,
      flags: 0,
      sequence: 0,
      identification: 0,
    };
    const changes: [string, boolean, (b: Uint8Array) => void][] = [
      ['no segment size', true, (b) => b.fill(0, 4, 6)],
      ['UDP type on TCP', true, (b) => b.fill(vnet.GSO_UDP_L4, 1, 2)],
      ['IPv6 type on IPv4', true, (b) => b.fill(vnet.GSO_TCPV6, 1, 2)],
      ['fragmenting UDP (never switched on)', true, (b) => b.fill(3, 1, 2)],
      ['a fragment', true, (b) => b.fill(ipv4.MORE_FRAGMENTS >> 8, 12 + 6, 12 + 7)],
      ['IP length beyond the packet', true, (b) => b.fill(0xff, 12 + 2, 12 + 4)],
      ['checksum field beyond the packet', false, (b) => b.fill(0xff, 6, 8)],
    ];
    for (const [what, gso, change] of changes) {
      const packet = superPacket(from, gso);
      change(packet);
      expect(bench.cut(packet).length, what).to.equal(0);
    }
    expect(bench.cut(new Uint8Array(vnet.VNET_BYTES)).length).to.equal(0);
  });

  it('never throws nor touches anything but its own memory, whatever the TUN device gives', () => {
    fc.assert(
      fc.property(input, fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 5 }), (from, changes) => {
        const packet = superPacket({ ...from, payload: from.payload.subarray(0, 200) }, true);
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
        for (const out of bench.cut(packet)) expect(out.length).to.be.at.most(packet.length);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('virtio_net_hdr', () => {
  it('is little endian, with the buffer count last', () => {
    const b = new Uint8Array(14).fill(0xff);
    vnet.writeVnet(b, 1, vnet.NEEDS_CSUM, vnet.GSO_TCPV6 | vnet.GSO_ECN, 0x0102, 0x0304, 0x0506, 0x0708);
    expect([...b]).to.deep.equal([0xff, 1, 0x84, 2, 1, 4, 3, 6, 5, 8, 7, 0, 0, 0xff]);
    expect(vnet.gsoType(b, 1)).to.equal(vnet.GSO_TCPV6);
    expect(vnet.gsoBytes(b, 1)).to.equal(0x0304);
    expect(vnet.checksumStart(b, 1)).to.equal(0x0506);
    expect(vnet.checksumOffset(b, 1)).to.equal(0x0708);
  });
});
