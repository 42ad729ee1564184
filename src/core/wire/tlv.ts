/** Lists of TLVs: type 1 byte, length 2 bytes, value. */
import { formatAddress, parseAddress } from '../address.js';
import type { Endpoint } from '../io.js';
import { get16, get32, set16, set32 } from '../memory.js';

/** An address list is sent and read up to this length; what is beyond is left out. */
export const MAX_ADDRESSES = 16;

const TLV_HEADER_BYTES = 3;

/** Appends TLVs; the caller has left room for them. */
export class TlvWriter {
  /** Behind the last TLV. */
  end: number;

  constructor(
    readonly b: Uint8Array,
    at: number,
  ) {
    this.end = at;
  }

  u8(type: number, value: number): void {
    this.b[this.begin(type, 1)] = value;
  }

  u32(type: number, value: number): void {
    set32(this.b, this.begin(type, 4), value);
  }

  bytes(type: number, value: Uint8Array, size: number): void {
    if (value.length !== size) throw new RangeError(`TLV ${type} takes ${size} bytes, not ${value.length}`);
    this.b.set(value, this.begin(type, size));
  }

  /** Zeros up to `end`, where there is room for a TLV. */
  pad(type: number, end: number): void {
    const size = end - this.end - TLV_HEADER_BYTES;
    if (size < 0) return;
    const value = this.begin(type, size);
    this.b.fill(0, value, end);
  }

  /** Each: family (4 or 6), address, port. */
  endpoints(type: number, endpoints: readonly Endpoint[]): void {
    const addresses = endpoints.slice(0, MAX_ADDRESSES).map((endpoint) => parseAddress(endpoint.address));
    let i = this.begin(
      type,
      addresses.reduce((size, address) => size + address.length + 3, 0),
    );
    for (const [index, address] of addresses.entries()) {
      this.b[i] = address.length === 4 ? 4 : 6;
      this.b.set(address, i + 1);
      i += 1 + address.length;
      set16(this.b, i, endpoints[index].port);
      i += 2;
    }
  }

  /** Writes type and length; returns where the value goes. */
  begin(type: number, size: number): number {
    const value = this.end + TLV_HEADER_BYTES;
    this.b[this.end] = type;
    set16(this.b, this.end + 1, size);
    this.end = value + size;
    return value;
  }
}

/** Looks TLVs up in a list whose lengths have been checked. Each method gives undefined when the TLV is missing or malformed. */
export class TlvReader {
  private constructor(
    readonly b: Uint8Array,
    private readonly at: number,
    private readonly end: number,
  ) {}

  static over(b: Uint8Array, at: number, bytes: number): TlvReader | undefined {
    const end = at + bytes;
    let i = at;
    while (i + TLV_HEADER_BYTES <= end) i += TLV_HEADER_BYTES + get16(b, i + 1);
    return i === end ? new TlvReader(b, at, end) : undefined;
  }

  u8(type: number): number | undefined {
    const value = this.find(type, 1);
    return value < 0 ? undefined : this.b[value];
  }

  /** Unsigned. */
  u32(type: number): number | undefined {
    const value = this.find(type, 4);
    return value < 0 ? undefined : get32(this.b, value) >>> 0;
  }

  bytes(type: number, size: number): Uint8Array | undefined {
    const value = this.find(type, size);
    return value < 0 ? undefined : Uint8Array.from(this.b.subarray(value, value + size));
  }

  /** 1 to `most` integers of 8 bits. */
  list(type: number, most: number): number[] | undefined {
    const value = this.find(type);
    if (value < 0) return undefined;
    const size = this.size(value);
    return size < 1 || size > most ? undefined : Array.from(this.b.subarray(value, value + size));
  }

  endpoint(type: number): Endpoint | undefined {
    const endpoints = this.endpoints(type);
    return endpoints?.length === 1 ? endpoints[0] : undefined;
  }

  endpoints(type: number): Endpoint[] | undefined {
    let i = this.find(type);
    if (i < 0) return undefined;
    const end = i + this.size(i);
    const endpoints: Endpoint[] = [];
    while (i < end) {
      const family = this.b[i];
      if (family !== 4 && family !== 6) return undefined;
      const addressBytes = family === 4 ? 4 : 16;
      const port = i + 1 + addressBytes;
      if (port + 2 > end) return undefined;
      if (endpoints.length < MAX_ADDRESSES) {
        endpoints.push({ address: formatAddress(this.b, i + 1, addressBytes), port: get16(this.b, port) });
      }
      i = port + 2;
    }
    return endpoints;
  }

  /** Offset of the value of the first TLV of this type, -1 = there is none or it has another size than asked for. */
  find(type: number, size?: number): number {
    for (let i = this.at; i < this.end; i += TLV_HEADER_BYTES + get16(this.b, i + 1)) {
      if (this.b[i] !== type) continue;
      const value = i + TLV_HEADER_BYTES;
      return size === undefined || this.size(value) === size ? value : -1;
    }
    return -1;
  }

  /** Bytes of the value that `find` has found. */
  size(value: number): number {
    return get16(this.b, value - 2);
  }
}
