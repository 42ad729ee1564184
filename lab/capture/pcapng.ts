/**
 * pcap to pcapng (draft-ietf-opsawg-pcapng), as it comes: tcpdump writes the former only, and one interface a stream; a pcapng file
 * holds several with their names.
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const SECTION_LENGTH_UNKNOWN = 0xffffffffffffffffn;
const OPTION_IF_NAME = 2;
const OPTION_IF_TSRESOL = 9;
const OPTION_USER_APPLICATION = 4;
/** Powers of ten of a second. */
const NANOSECONDS = 9;

const PCAP_NANOSECONDS = 0xa1b23c4d;
const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;
/** Longer than any frame that tcpdump captures (262,144 bytes). */
const PACKET_BYTES_MAX = 1 << 20;

export interface CapturedInterface {
  /** "a:eth0". */
  readonly name: string;
}

/** The beginning of a file with these interfaces, all of Ethernet. */
export function pcapngHeader(interfaces: readonly CapturedInterface[]): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigUInt64LE(SECTION_LENGTH_UNKNOWN, 8);
  const application = options([OPTION_USER_APPLICATION, Buffer.from('mpip-lab')]);
  return Buffer.concat([
    block(SECTION_HEADER, Buffer.concat([section, application])),
    ...interfaces.map(({ name }) => {
      const description = Buffer.alloc(8);
      description.writeUInt16LE(LINKTYPE_ETHERNET, 0);
      const named = options([OPTION_IF_NAME, Buffer.from(name)], [OPTION_IF_TSRESOL, Buffer.from([NANOSECONDS])]);
      return block(INTERFACE_DESCRIPTION, Buffer.concat([description, named]));
    }),
  ]);
}

const LINKTYPE_ETHERNET = 1;

/** Takes a pcap stream of nanoseconds in pieces (`tcpdump --nano`), and gives blocks of packets for one interface of a pcapng file. */
export class PcapReader {
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  constructor(private readonly index: number) {}

  /** Throws RangeError when this is no such stream. */
  take(piece: Uint8Array): Buffer {
    let rest = Buffer.concat([this.#rest, piece]);
    const blocks: Buffer[] = [];
    if (!this.#started && rest.length >= PCAP_HEADER_BYTES) {
      if (rest.readUInt32LE(0) !== PCAP_NANOSECONDS) throw new RangeError('no pcap stream of nanoseconds');
      this.#started = true;
      rest = rest.subarray(PCAP_HEADER_BYTES);
    }
    while (this.#started && rest.length >= PCAP_RECORD_BYTES) {
      const captured = rest.readUInt32LE(8);
      if (captured > PACKET_BYTES_MAX) throw new RangeError(`a packet of ${captured} bytes`);
      const end = PCAP_RECORD_BYTES + captured;
      if (rest.length < end) break;
      blocks.push(this.#packet(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
    this.#rest = Buffer.from(rest);
    return Buffer.concat(blocks);
  }

  #packet(record: Buffer): Buffer {
    const time = BigInt(record.readUInt32LE(0)) * 1_000_000_000n + BigInt(record.readUInt32LE(4));
    const head = Buffer.alloc(20);
    head.writeUInt32LE(this.index, 0);
    head.writeUInt32LE(Number(time >> 32n), 4);
    head.writeUInt32LE(Number(time & 0xffffffffn), 8);
    head.writeUInt32LE(record.readUInt32LE(8), 12);
    head.writeUInt32LE(record.readUInt32LE(12), 16);
    return block(ENHANCED_PACKET, Buffer.concat([head, padded(record.subarray(PCAP_RECORD_BYTES))]));
  }
}

function block(type: number, body: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(type, 0);
  length.writeUInt32LE(12 + body.length, 4);
  return Buffer.concat([length, body, length.subarray(4)]);
}

function options(...list: readonly (readonly [code: number, value: Buffer])[]): Buffer {
  const end = Buffer.alloc(4);
  return Buffer.concat([
    ...list.map(([code, value]) => {
      const head = Buffer.alloc(4);
      head.writeUInt16LE(code, 0);
      head.writeUInt16LE(value.length, 2);
      return Buffer.concat([head, padded(value)]);
    }),
    end,
  ]);
}

/** Up to a multiple of four bytes. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
