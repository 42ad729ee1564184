import { expect } from 'chai';
import fc from 'fast-check';
import { accept, assemble, ifEqual, label, loadByte } from '../../../src/host/sniffer/bpf.js';
import { SNAP_BYTES, sessionFilter, UDP_SHARE } from '../../../src/host/sniffer/session-filter.js';

const PORT = 6747;
const LOOPBACK = 1;
const TUN = 7;
const OUTGOING = 4;
const ANCILLARY = 0xfffff000;

interface Packet {
  bytes: Uint8Array;
  protocol: number;
  type?: number;
  interface?: number;
  random?: number;
}

/** Runs a classic BPF program as the kernel does (a load beyond the packet ends it with 0). */
function run(program: Buffer, packet: Packet): number {
  const { bytes } = packet;
  const known: Record<number, number> = {
    0: packet.protocol,
    4: packet.type ?? OUTGOING,
    8: packet.interface ?? 2,
    56: packet.random ?? 0,
  };
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const code = program.readUInt16LE(8 * pc);
    const [ifTrue, ifFalse] = program.subarray(8 * pc + 2);
    const k = program.readUInt32LE(8 * pc + 4);
    const load = (at: number, count: number): number | undefined => {
      if (at >= ANCILLARY) return known[at - ANCILLARY];
      if (at + count > bytes.length) return undefined;
      return bytes.subarray(at, at + count).reduce((value, byte) => value * 256 + byte, 0);
    };
    let loaded: number | undefined = 0;
    switch (code) {
      case 0x20:
        loaded = load(k, 4);
        break;
      case 0x28:
        loaded = load(k, 2);
        break;
      case 0x30:
        loaded = load(k, 1);
        break;
      case 0x48:
        loaded = load(x + k, 2);
        break;
      case 0x50:
        loaded = load(x + k, 1);
        break;
      case 0x01:
        x = k;
        continue;
      case 0xb1:
        x = 4 * ((load(k, 1) ?? 0) & 0xf);
        continue;
      case 0x54:
        a = (a & k) >>> 0;
        continue;
      case 0x15:
        pc += a === k ? ifTrue : ifFalse;
        continue;
      case 0x45:
        pc += (a & k) !== 0 ? ifTrue : ifFalse;
        continue;
      case 0x06:
        return k;
      default:
        throw new Error(`instruction ${code.toString(16)}`);
    }
    if (loaded === undefined) return 0;
    a = loaded;
  }
}

function ipv4(protocol: number, transport: readonly number[], { words = 5, fragment = 0 } = {}): Packet {
  const bytes = new Uint8Array(words * 4 + transport.length);
  bytes.set([0x40 | words, 0, 0, 0, 0, 0, fragment >> 8, fragment, 64, protocol]);
  bytes.set(transport, words * 4);
  return { bytes, protocol: 0x0800 };
}

function ipv6(nextHeader: number, transport: readonly number[]): Packet {
  const bytes = new Uint8Array(40 + transport.length);
  bytes.set([0x60, 0, 0, 0, 0, 0, nextHeader]);
  bytes.set(transport, 40);
  return { bytes, protocol: 0x86dd };
}

const tcp = (flags: number) => [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
const udp = (source: number, destination: number) => [
  source >> 8,
  source & 255,
  destination >> 8,
  destination & 255,
  0,
  8,
  0,
  0,
];
const FAMILIES = [
  ['IPv4', ipv4],
  ['IPv6', ipv6],
] as const;

describe('the filter for new sessions', () => {
  const program = sessionFilter(PORT, [LOOPBACK, TUN]);
  const passes = (packet: Packet) => run(program, packet) === SNAP_BYTES;

  for (const [family, ip] of FAMILIES) {
    it(`passes ${family} TCP segments exactly with SYN and without ACK`, () => {
      for (let flags = 0; flags < 256; flags++) {
        expect(passes(ip(6, tcp(flags))), `flags ${flags}`).to.equal((flags & 0x12) === 0x02);
      }
    });

    it(`passes one ${family} UDP packet in ${UDP_SHARE}`, () => {
      const random = Array.from({ length: 256 }, (_, value) => value);
      const passed = random.filter((value) => passes({ ...ip(17, udp(1000, 53)), random: value }));
      expect(passed).to.have.length(256 / UDP_SHARE);
    });

    it(`passes no ${family} packet of the wrapper`, () => {
      expect(passes(ip(17, udp(PORT, 40000)))).to.equal(false);
      expect(passes(ip(17, udp(40000, PORT)))).to.equal(false);
      const syn = (from: number, to: number) => ip(6, [...udp(from, to).slice(0, 4), ...tcp(2).slice(4)]);
      expect(passes(syn(40000, PORT))).to.equal(false);
      expect(passes(syn(PORT, 40000))).to.equal(true);
    });

    it(`passes no other protocol over ${family}`, () => {
      for (let protocol = 0; protocol < 256; protocol++) {
        if (protocol !== 6 && protocol !== 17) expect(passes(ip(protocol, tcp(2)))).to.equal(false);
      }
    });
  }

  it('finds the TCP header behind IPv4 options', () => {
    for (let words = 5; words < 16; words++) {
      expect(passes(ipv4(6, tcp(2), { words }))).to.equal(true);
      expect(passes(ipv4(6, tcp(0x10), { words }))).to.equal(false);
    }
  });

  it('passes the first fragment and none of the others', () => {
    expect(passes(ipv4(6, tcp(2), { fragment: 0x2000 }))).to.equal(true);
    expect(passes(ipv4(6, tcp(2), { fragment: 0x4000 }))).to.equal(true);
    expect(passes(ipv4(6, tcp(2), { fragment: 0x2001 }))).to.equal(false);
    expect(passes(ipv4(6, tcp(2), { fragment: 0x1fff }))).to.equal(false);
  });

  it('passes nothing that comes in, nothing of the excluded interfaces, nothing but IP', () => {
    const syn = ipv4(6, tcp(2));
    for (let type = 0; type < 8; type++) expect(passes({ ...syn, type })).to.equal(type === OUTGOING);
    for (let i = 1; i < 10; i++) expect(passes({ ...syn, interface: i })).to.equal(i !== LOOPBACK && i !== TUN);
    expect(passes({ ...syn, protocol: 0x0806 })).to.equal(false);
  });

  it('stays within the packet whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(0x0800, 0x86dd), (bytes, protocol) => {
        expect([0, SNAP_BYTES]).to.include(run(program, { bytes, protocol }));
      }),
    );
  });
});

describe('the assembler of classic BPF', () => {
  it('refuses labels that are missing, behind or too far ahead', () => {
    expect(() => assemble([ifEqual(1, 'nowhere')])).to.throw(RangeError, 'nowhere');
    expect(() => assemble([label('back'), loadByte(0), ifEqual(1, 'back')])).to.throw(RangeError, 'back');
    const far = Array.from({ length: 255 }, () => loadByte(0));
    expect(() => assemble([ifEqual(1, 'far'), ...far, label('far'), accept(1)])).not.to.throw();
    expect(() => assemble([ifEqual(1, 'far'), loadByte(0), ...far, label('far'), accept(1)])).to.throw(RangeError);
  });
});
