/**
 * Netlink messages (RFC 3549 section 2.3): a header of 16 bytes, a fixed part that the type decides, then attributes of type, length and
 * value, all padded to 4 bytes. Integers have the machine's order, which is little endian on x86-64 and arm64.
 */

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Without the flags for nested and for network byte order. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
const NESTED = 0x8000;

const header = { LENGTH: 0, TYPE: 4, FLAGS: 6, SEQUENCE: 8, PORT: 12 } as const;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Of the socket whose request caused it; 0 = the kernel itself. */
  readonly port: number;
  /** Fixed part and attributes. A view of what was parsed. */
  readonly payload: Buffer;
}

export interface Attribute {
  readonly type: number;
  readonly value: Buffer | readonly Attribute[];
}

function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}

export function u32Attribute(type: number, value: number): Attribute {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return { type, value: bytes };
}

export function u8Attribute(type: number, value: number): Attribute {
  return { type, value: Buffer.of(value) };
}

function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(({ type, value }) => {
      const nested = !Buffer.isBuffer(value);
      const content = nested ? encodeAttributes(value) : value;
      const bytes = Buffer.alloc(aligned(ATTRIBUTE_HEADER_BYTES + content.length));
      bytes.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + content.length, 0);
      bytes.writeUInt16LE(nested ? type | NESTED : type, 2);
      content.copy(bytes, ATTRIBUTE_HEADER_BYTES);
      return bytes;
    }),
  );
}

/** A whole message; the kernel puts the sender's port in. `fixed` is the part between header and attributes. */
export function encodeMessage(
  type: number,
  flags: number,
  sequence: number,
  fixed: Buffer,
  attributes: readonly Attribute[] = [],
): Buffer {
  const start = HEADER_BYTES + aligned(fixed.length);
  const tail = encodeAttributes(attributes);
  const bytes = Buffer.alloc(start + tail.length);
  bytes.writeUInt32LE(bytes.length, header.LENGTH);
  bytes.writeUInt16LE(type, header.TYPE);
  bytes.writeUInt16LE(flags, header.FLAGS);
  bytes.writeUInt32LE(sequence, header.SEQUENCE);
  fixed.copy(bytes, HEADER_BYTES);
  tail.copy(bytes, start);
  return bytes;
}

/** The messages of one datagram. Throws RangeError when a length leaves the datagram. */
export function parseMessages(datagram: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < datagram.length; ) {
    const length = at + HEADER_BYTES <= datagram.length ? datagram.readUInt32LE(at + header.LENGTH) : 0;
    if (length < HEADER_BYTES || at + length > datagram.length) throw new RangeError('truncated netlink message');
    messages.push({
      type: datagram.readUInt16LE(at + header.TYPE),
      flags: datagram.readUInt16LE(at + header.FLAGS),
      sequence: datagram.readUInt32LE(at + header.SEQUENCE),
      port: datagram.readUInt32LE(at + header.PORT),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** The attributes of one level; of a type that stands more than once the last one counts. */
export class Attributes {
  private readonly values = new Map<number, Buffer>();

  /** Attributes from `start` to the end of `bytes`. Throws RangeError when a length leaves `bytes`. */
  constructor(bytes: Buffer, start = 0) {
    for (let at = aligned(start); at < bytes.length; ) {
      const length = at + ATTRIBUTE_HEADER_BYTES <= bytes.length ? bytes.readUInt16LE(at) : 0;
      if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) {
        throw new RangeError('truncated netlink attribute');
      }
      const type = bytes.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK;
      this.values.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
      at += aligned(length);
    }
  }

  bytes(type: number): Buffer | undefined {
    return this.values.get(type);
  }

  u32(type: number): number | undefined {
    return this.values.get(type)?.readUInt32LE();
  }

  u8(type: number): number | undefined {
    return this.values.get(type)?.readUInt8();
  }

  /** Text without its closing zero byte. */
  text(type: number): string | undefined {
    const value = this.values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return value.toString('utf8', 0, end < 0 ? value.length : end);
  }

  nested(type: number): Attributes | undefined {
    const value = this.values.get(type);
    return value === undefined ? undefined : new Attributes(value);
  }
}
