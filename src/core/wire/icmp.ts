/** ICMP messages about packets that cannot be sent: "packet too big" of both families (RFC 792, RFC 1191; RFC 4443 section 3.2). */
import { set16, set32 } from '../memory.js';
import { checksum, pseudoHeaderSum } from './checksum.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import type { PacketView } from './packet.js';

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

/** Type and code of each message that is written here. */
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;

/** Offsets within the header. */
const field = { type: 0, code: 1, checksum: 2, mtu: 4, nextHopMtu: 6 } as const;
const HEADER_BYTES = 8;
/** Of the packet that the message is about: more than any stack looks at. */
const QUOTED_BYTES = 256;
const TIME_TO_LIVE = 64;

/** Room for the longest message. */
export const TOO_BIG_BYTES = ipv6.HEADER_BYTES + HEADER_BYTES + QUOTED_BYTES;

/**
 * Writes the IP packet that tells the sender of `packet` (parsed, in the same memory) that it may be `mtu` bytes long at most. It comes
 * from the packet's own destination. Returns its bytes.
 */
export function writeTooBig(b: Uint8Array, at: number, packet: PacketView, mtu: number): number {
  const isIpv4 = packet.version === 4;
  const ipBytes = isIpv4 ? ipv4.HEADER_BYTES : ipv6.HEADER_BYTES;
  const quoted = Math.min(packet.totalBytes, QUOTED_BYTES);
  const bytes = HEADER_BYTES + quoted;
  const from = b.slice(packet.destinationAt, packet.destinationAt + packet.addressBytes);
  const to = b.slice(packet.sourceAt, packet.sourceAt + packet.addressBytes);
  const icmpAt = at + ipBytes;
  b[icmpAt + field.type] = isIpv4 ? UNREACHABLE : PACKET_TOO_BIG;
  b[icmpAt + field.code] = isIpv4 ? FRAGMENTATION_NEEDED : 0;
  set16(b, icmpAt + field.checksum, 0);
  set32(b, icmpAt + field.mtu, isIpv4 ? 0 : mtu);
  if (isIpv4) set16(b, icmpAt + field.nextHopMtu, mtu);
  b.copyWithin(icmpAt + HEADER_BYTES, packet.ipAt, packet.ipAt + quoted);
  if (isIpv4) {
    ipv4.writeIpv4(b, at, ipBytes + bytes, 0, 0, 0, TIME_TO_LIVE, PROTOCOL_ICMP, from, to);
    set16(b, icmpAt + field.checksum, checksum(b, icmpAt, bytes));
  } else {
    ipv6.writeIpv6(b, at, bytes, 0, 0, TIME_TO_LIVE, PROTOCOL_ICMPV6, from, to);
    const pseudo = pseudoHeaderSum(b, at, 6, PROTOCOL_ICMPV6, bytes);
    set16(b, icmpAt + field.checksum, checksum(b, icmpAt, bytes, pseudo));
  }
  return ipBytes + bytes;
}
