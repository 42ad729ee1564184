/** The tag behind an authenticated CM: SipHash-2-4 under the pair's key over the CM, the transport header (or control body) and the length. */
import { CM_BYTES, TAG_BYTES } from '../wire/cm.js';
import type { SipHash } from '../wire/siphash.js';

/** Bytes behind a datagram's payload. */
export function trailerBytes(authenticated: boolean): number {
  return authenticated ? CM_BYTES + TAG_BYTES : CM_BYTES;
}

/** Writes the tag behind the CM. `bytes` is the whole datagram's length, tag included. */
export function seal(
  mac: SipHash,
  b: Uint8Array,
  cmAt: number,
  headerAt: number,
  headerBytes: number,
  bytes: number,
): void {
  compute(mac, b, cmAt, headerAt, headerBytes, bytes);
  mac.writeTag(b, cmAt + CM_BYTES);
}

export function isSealed(
  mac: SipHash,
  b: Uint8Array,
  cmAt: number,
  headerAt: number,
  headerBytes: number,
  bytes: number,
): boolean {
  compute(mac, b, cmAt, headerAt, headerBytes, bytes);
  return mac.equalTag(b, cmAt + CM_BYTES);
}

function compute(
  mac: SipHash,
  b: Uint8Array,
  cmAt: number,
  headerAt: number,
  headerBytes: number,
  bytes: number,
): void {
  mac.begin();
  mac.update(b, cmAt, CM_BYTES);
  mac.update(b, headerAt, headerBytes);
  mac.update32(bytes);
  mac.finish();
}
