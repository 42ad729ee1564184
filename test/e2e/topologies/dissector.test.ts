import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { PcapReader, pcapngHeader } from '../../../lab/capture/pcapng.js';
import { findProgram } from '../../../lab/doctor/machine.js';
import { CM_BYTES, CmFlag, TAG_BYTES, writeCm } from '../../../src/core/wire/cm.js';
import { CmType, type ControlMessage, encodeControl } from '../../../src/core/wire/control.js';

const DISSECTOR = fileURLToPath(new URL('../../../docs/mpip.lua', import.meta.url));
const PORT = 6747;
const IP = { address: '10.1.0.1', port: 5000 };
const IP6 = { address: 'fd00::1', port: 5001 };
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const introduction = {
  versions: [1],
  nodeId: bytes(8),
  incarnation: 1,
  nonce: bytes(8),
  key: bytes(32),
  addresses: [IP, IP6],
  capabilities: 3,
};
const report = {
  path: 9,
  packets: 8,
  bytes: 7,
  lost: 6,
  lastArrival: 5,
  delay: -4,
  minDelay: -3,
  jitter: 2,
  longest: 1,
};

const MESSAGES: readonly ControlMessage[] = [
  { type: CmType.open, source: IP, destination: IP6, protocol: 6 },
  { type: CmType.openAck, answer: 'refused' },
  { type: CmType.hello, ...introduction },
  { type: CmType.welcome, ...introduction, echo: bytes(8) },
  { type: CmType.probe, port: 40_000, challenge: bytes(8), path: 2, traits: 3, nic: 4 },
  { type: CmType.probeReply, challenge: bytes(8), observed: IP6, traits: 0, nic: 0 },
  { type: CmType.report, paths: [report, { ...report, path: 10 }] },
  { type: CmType.heartbeat, sentPackets: 123_456, sentBytes: 4_000_000_000 },
  { type: CmType.addresses, addresses: [IP, IP6], sequence: 77 },
  { type: CmType.goodbye, reason: 'restart' },
  { type: CmType.bound, challenge: bytes(8) },
  { type: CmType.icmp, icmpType: 3, code: 3, rest: 0, transport: bytes(8) },
];

/** A datagram as the protocol core writes it, in Ethernet, IPv4 and UDP. */
function frame(type: number, body: Uint8Array, tagged: boolean): Buffer {
  const datagram = Buffer.alloc(body.length + CM_BYTES + (tagged ? TAG_BYTES : 0));
  datagram.set(body);
  const flags = CmFlag.FEEDBACK | CmFlag.FROM_OPENER | (tagged ? CmFlag.AUTHENTICATED : 0);
  writeCm(datagram, body.length, type, flags, 0x89abcdef, 4660, 3, 200, 4_294_967_290, -5, 987_654, 0xabcdef);
  const packet = Buffer.alloc(42 + datagram.length);
  packet.writeUInt16BE(0x0800, 12);
  packet.writeUInt8(0x45, 14);
  packet.writeUInt16BE(28 + datagram.length, 16);
  packet.set([64, 17], 22);
  packet.set([10, 1, 0, 1, 10, 1, 0, 2], 26);
  packet.writeUInt16BE(PORT, 34);
  packet.writeUInt16BE(PORT, 36);
  packet.writeUInt16BE(8 + datagram.length, 38);
  packet.set(datagram, 42);
  return packet;
}

/** The same datagram as a segment of a path by TCP. */
function segment(type: number, body: Uint8Array, tagged: boolean): Buffer {
  const udp = frame(type, body, tagged);
  const datagram = udp.subarray(42);
  const packet = Buffer.alloc(54 + datagram.length);
  udp.copy(packet, 0, 0, 34);
  packet.writeUInt16BE(40 + datagram.length, 16);
  packet.writeUInt8(6, 23);
  packet.writeUInt16BE(40_000, 34);
  packet.writeUInt16BE(PORT, 36);
  packet.writeUInt32BE(1001, 38);
  packet.writeUInt16BE(0x5018, 46);
  packet.writeUInt16BE(0xffff, 48);
  packet.set(datagram, 54);
  return packet;
}

function pcap(frames: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b23c4d, 0);
  const records = frames.map((own, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000 + index, 0);
    record.writeUInt32LE(123_456_789, 4);
    record.writeUInt32LE(own.length, 8);
    record.writeUInt32LE(own.length, 12);
    return Buffer.concat([record, own]);
  });
  return Buffer.concat([head, ...records]);
}

describe('the dissector in docs', function () {
  this.timeout(30_000);

  let directory: string;
  before(function () {
    if (findProgram('tshark') === undefined) return this.skip();
    directory = mkdtempSync(join(tmpdir(), 'mpip-dissector-'));
  });
  after(() => directory && rmSync(directory, { recursive: true }));

  async function read(frames: readonly Buffer[], fields: readonly string[]): Promise<string[][]> {
    const file = join(directory, 'frames.pcapng');
    const reader = new PcapReader(0);
    const stream = pcap(frames);
    // In pieces that end anywhere, as a pipe gives them.
    const pieces = Array.from({ length: Math.ceil(stream.length / 37) }, (_, i) =>
      reader.take(stream.subarray(i * 37, (i + 1) * 37)),
    );
    writeFileSync(file, Buffer.concat([pcapngHeader([{ name: 'a:eth0' }]), ...pieces]));
    const words = [
      '-X',
      `lua_script:${DISSECTOR}`,
      '-r',
      file,
      '-T',
      'fields',
      ...fields.flatMap((own) => ['-e', own]),
    ];
    const { stdout } = await execa('tshark', words);
    return stdout.split('\n').map((line) => line.split('\t'));
  }

  it('reads every field of the CM block as the core writes it, with a tag and without', async () => {
    const names = [
      'version',
      'type',
      'node',
      'session',
      'path',
      'feedback_path',
      'timestamp',
      'delay',
      'sequence',
      'digest',
      'tag',
    ];
    const rows = await read(
      [true, false].map((tagged) => frame(CmType.heartbeat, new Uint8Array(0), tagged)),
      names.map((name) => `mpip.${name}`),
    );
    const block = ['1', '8', '0x89abcdef', '4660', '3', '200', '4294967290', '-5', '987654', '0xabcdef'];
    expect(rows).to.deep.equal([
      [...block, '0000000000000000'],
      [...block, ''],
    ]);
  });

  it('takes every control message apart, and finds nothing malformed in it', async () => {
    const scratch = new Uint8Array(2000);
    const frames = MESSAGES.map((message) =>
      frame(message.type, scratch.slice(0, encodeControl(message, scratch, 0)), message.type !== CmType.hello),
    );
    const rows = await read(frames, [
      'mpip.type',
      'mpip.malformed',
      'mpip.tlv.type',
      'mpip.tlv.number',
      'mpip.tlv.ipv4',
      'mpip.tlv.ipv6',
      'mpip.tlv.port',
      'mpip.tlv.reason',
      'mpip.report.path',
      'mpip.report.delay',
    ]);
    expect(rows).to.deep.equal([
      ['1', '', '9,10,11', '6', '10.1.0.1', 'fd00::1', '5000,5001', '', '', ''],
      ['2', '', '12', '1', '', '', '', '', '', ''],
      ['3', '', '1,2,3,4,5,6,7', '1,3', '10.1.0.1', 'fd00::1', '5000,5001', '', '', ''],
      ['4', '', '1,2,3,4,5,6,7,8', '1,3', '10.1.0.1', 'fd00::1', '5000,5001', '', '', ''],
      ['5', '', '22,28,27,13,14', '4,40000,2', '', '', '', '', '', ''],
      ['6', '', '13,15', '', '', 'fd00::1', '5001', '', '', ''],
      ['7', '', '16', '', '', '', '', '', '9,10', '-4,-4'],
      ['8', '', '17,18', '123456,4000000000', '', '', '', '', '', ''],
      ['9', '', '6,19', '77', '10.1.0.1', 'fd00::1', '5000,5001', '', '', ''],
      ['10', '', '20', '', '', '', '', '2', '', ''],
      ['12', '', '13', '', '', '', '', '', '', ''],
      ['13', '', '23,24,25,26', '3,3,0', '', '', '', '', '', ''],
    ]);
  });

  it('reads the segments of a path by TCP as it reads datagrams', async () => {
    const rows = await read([segment(CmType.heartbeat, new Uint8Array(0), true)], ['mpip.type', 'mpip.session']);
    expect(rows).to.deep.equal([['8', '4660']]);
  });

  it('says so when a list of TLVs does not end where the CM block begins', async () => {
    const [[malformed]] = (await read([frame(CmType.probe, bytes(9), true)], ['mpip.malformed'])) as [[string]];
    expect(malformed).to.not.equal('');
  });

  it('leaves other traffic of the port alone', async () => {
    const other = frame(CmType.data, bytes(40), false);
    other.fill(0, 42);
    expect(await read([other], ['mpip.type'])).to.deep.equal([['']]);
  });
});
