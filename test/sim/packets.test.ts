import { expect } from 'chai';
import fc from 'fast-check';
import { addressBytes, addressText } from './world/addresses.js';
import { cut, fromTun, toTun, VNET_HEADER_BYTES } from './world/offload.js';
import {
  ACK,
  CWR,
  FIN,
  type Outgoing,
  PSH,
  parseIp,
  parseTcp,
  parseUdp,
  portUnreachable,
  tcpPacket,
  transportChecksumRight,
  UDP,
  udpPacket,
  unreachableAbout,
} from './world/packet.js';
import { Random } from './world/random.js';

const pairs = [
  ['10.1.0.1', '10.2.0.2'],
  ['fd00::1', 'fd00:2::2'],
] as const;

function tcp([from, to]: readonly [string, string], payload: Uint8Array, segmentBytes: number, flags = ACK): Outgoing {
  return tcpPacket(
    {
      source: { address: from, port: 40_000 },
      destination: { address: to, port: 80 },
      sequence: 0xffff_ff00,
      acknowledgement: 77,
      flags,
      window: 500,
      options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2),
      payload,
    },
    segmentBytes,
    0xfffe,
  );
}

function udp([from, to]: readonly [string, string], payload: Uint8Array, segmentBytes: number): Outgoing {
  return udpPacket(
    { source: { address: from, port: 5000 }, destination: { address: to, port: 6000 }, payload },
    segmentBytes,
    0,
  );
}

describe('simulator: packets', () => {
  it('write addresses as RFC 5952 says', () => {
    for (const text of [
      '10.1.0.1',
      '::',
      '::1',
      'fd00::1',
      '2001:db8:0:1:1:1:1:1',
      '2001:db8::1:0:0:1',
      'fe80:0:0:1::',
    ]) {
      expect(addressText(addressBytes(text))).to.equal(text);
    }
    expect(addressText(addressBytes('2001:0db8:0:0:0:0:0:1'))).to.equal('2001:db8::1');
  });

  it('give a known checksum', () => {
    // 20-byte header of RFC 1071 practice: the worked example 45 00 00 73 ... b8 61.
    const header = Uint8Array.from('450000730000400040 11b861c0a80001c0a800c7'.replace(' ', '').match(/../g)!, (hex) =>
      Number.parseInt(hex, 16),
    );
    const packet = new Uint8Array(0x73);
    packet.set(header);
    expect(parseIp(packet)).to.include({ source: '192.168.0.1', destination: '192.168.0.199', protocol: 17 });
    packet[11]! ^= 1;
    expect(() => parseIp(packet)).to.throw('header checksum');
  });

  for (const pair of pairs) {
    it(`cut a TCP super-packet from ${pair[0]} as Linux does`, () => {
      const payload = new Random(1).bytes(3500);
      const pieces = cut(tcp(pair, payload, 1000, ACK | PSH | FIN | CWR)).map(parseIp);
      expect(pieces.length).to.equal(4);
      expect(pieces.every(transportChecksumRight)).to.equal(true);
      const segments = pieces.map(parseTcp);
      expect(segments.map(({ sequence }) => sequence)).to.deep.equal([0xffff_ff00, 744, 1744, 2744]);
      expect(segments.map(({ flags }) => flags)).to.deep.equal([ACK | CWR, ACK, ACK, ACK | PSH | FIN]);
      expect(Buffer.concat(segments.map((segment) => segment.payload)).equals(payload)).to.equal(true);
    });

    it(`cut a UDP super-packet from ${pair[0]} as Linux does`, () => {
      const payload = new Random(1).bytes(2500);
      const pieces = cut(udp(pair, payload, 1000)).map(parseIp);
      expect(pieces.every(transportChecksumRight)).to.equal(true);
      expect(pieces.map((piece) => parseUdp(piece).payload.length)).to.deep.equal([1000, 1000, 500]);
    });

    it(`quote the packet in port unreachable to ${pair[0]}`, () => {
      const [offending] = cut(udp(pair, new Uint8Array(100), 0));
      const message = parseIp(portUnreachable(pair[1], offending!));
      expect(transportChecksumRight(message)).to.equal(true);
      expect(message).to.include({ source: pair[1], destination: pair[0] });
      expect(unreachableAbout(message)).to.deep.equal({
        protocol: UDP,
        source: { address: pair[0], port: 5000 },
        destination: { address: pair[1], port: 6000 },
      });
    });
  }
});

/** What a careful node would write for a super-packet: the kernel's own form with the exact header length. */
function written(outgoing: Outgoing): Uint8Array {
  const message = toTun(outgoing, new Random(2));
  const header = outgoing.transportOffset + (outgoing.protocol === UDP ? 8 : 32);
  if (outgoing.segmentBytes > 0) message.set([header, 0], 2);
  return message;
}

describe('simulator: TUN device', () => {
  it('takes plain and super-packets and gives back every byte', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs),
        fc.boolean(),
        fc.integer({ min: 1, max: 5000 }),
        fc.nat(1400),
        (pair, isTcp, bytes, size) => {
          const payload = new Random(bytes).bytes(bytes);
          const segmentBytes = size < 100 ? 0 : size;
          const outgoing = isTcp ? tcp(pair, payload, segmentBytes) : udp(pair, payload, segmentBytes);
          const packets = fromTun(written(outgoing));
          expect(packets).to.deep.equal(cut(outgoing));
        },
      ),
    );
  });

  it('refuses every single wrong bit of a header or checksum', () => {
    for (const outgoing of [
      tcp(pairs[0], new Uint8Array(3000), 1000),
      udp(pairs[1], new Uint8Array(3000), 1000),
      udp(pairs[0], new Uint8Array(9), 0),
    ]) {
      const right = written(outgoing);
      const headers = VNET_HEADER_BYTES + outgoing.transportOffset + (outgoing.protocol === UDP ? 8 : 20);
      const accepted: string[] = [];
      for (let bit = 0; bit < headers * 8; bit++) {
        const wrong = right.slice();
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        try {
          fromTun(wrong);
          accepted.push(`${bit >> 3}.${bit & 7}`);
        } catch (error) {
          expect(error).to.have.property('code', 'ERR_SIM_PACKET');
        }
      }
      // Free fields: DATA_VALID, hdr_len of plain packets, gso_size, num_buffers, and header fields that a partial checksum leaves open.
      const free = accepted.map((name) => Number(name.split('.')[0]));
      expect(free.filter((at) => at >= 6 && at < 10)).to.deep.equal([], 'csum_start and csum_offset');
      expect(
        free.filter((at) => at >= VNET_HEADER_BYTES && at < VNET_HEADER_BYTES + 6 && outgoing.packet[0] === 0x45),
      ).to.deep.equal([]);
      const checksum = VNET_HEADER_BYTES + outgoing.transportOffset + (outgoing.protocol === UDP ? 6 : 16);
      expect(free.filter((at) => at === checksum || at === checksum + 1)).to.deep.equal([], 'transport checksum');
    }
  });

  it('refuses a complete checksum that is wrong', () => {
    const message = new Uint8Array(VNET_HEADER_BYTES + 129);
    message.set(cut(udp(pairs[0], new Uint8Array(101), 0))[0]!, VNET_HEADER_BYTES);
    expect(fromTun(message)).to.have.length(1);
    message[100]! ^= 4;
    expect(() => fromTun(message)).to.throw('checksum of protocol 17');
  });
});
