import { parseAddress } from '../../core/address.js';
import type { Address } from '../../core/io.js';
import { get32 } from '../../core/memory.js';
import * as bpf from '../sniffer/bpf.js';
import { ETH_P_IP, ETH_P_IPV6, IPPROTO_TCP, PACKET_HOST } from '../syscall/constants.js';

const WHOLE_PACKET_BYTES = 0x40000;
const ipv4 = { FRAGMENT: 6, PROTOCOL: 9, DESTINATION: 16 } as const;
/** Offset, and more fragments. */
const FRAGMENT = 0x3fff;
const ipv6 = { NEXT_HEADER: 6, DESTINATION: 24, BYTES: 40 } as const;
const DESTINATION_PORT = 2;

/** Passes TCP segments for this host, to the address and one of the ports. Fragments and IPv6 packets with extension headers do not pass. */
export function segmentFilter(address: Address, ports: readonly number[]): Buffer {
  const bytes = parseAddress(address);
  const isIpv6 = bytes.length === 16;
  const at = bpf.NETWORK;
  const destination = at + (isIpv6 ? ipv6.DESTINATION : ipv4.DESTINATION);
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => get32(bytes, 4 * i) >>> 0);
  return bpf.assemble([
    bpf.loadAncillary(bpf.Ancillary.PACKET_TYPE),
    bpf.ifEqual(PACKET_HOST, undefined, 'drop'),
    bpf.loadAncillary(bpf.Ancillary.PROTOCOL),
    bpf.ifEqual(isIpv6 ? ETH_P_IPV6 : ETH_P_IP, undefined, 'drop'),
    bpf.loadByte(at + (isIpv6 ? ipv6.NEXT_HEADER : ipv4.PROTOCOL)),
    bpf.ifEqual(IPPROTO_TCP, undefined, 'drop'),
    ...words.flatMap((word, i) => [bpf.loadWord(destination + 4 * i), bpf.ifEqual(word, undefined, 'drop')]),
    ...(isIpv6
      ? [bpf.loadIndex(ipv6.BYTES)]
      : [
          bpf.loadHalf(at + ipv4.FRAGMENT),
          bpf.ifAnyBit(FRAGMENT, 'drop'),
          // The header's length in words, where BPF_MSH knows no offset from the IP header.
          bpf.loadByte(at),
          bpf.and(0x0f),
          bpf.shiftLeft(2),
          bpf.setIndex,
        ]),
    bpf.loadHalfIndexed(at + DESTINATION_PORT),
    ...ports.map((port) => bpf.ifEqual(port, 'accept')),
    bpf.label('drop'),
    bpf.drop,
    bpf.label('accept'),
    bpf.accept(WHOLE_PACKET_BYTES),
  ]);
}
