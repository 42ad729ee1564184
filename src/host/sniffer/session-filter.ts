import { ETH_P_IP, ETH_P_IPV6, IPPROTO_TCP, IPPROTO_UDP, PACKET_OUTGOING } from '../syscall/constants.js';
import * as bpf from './bpf.js';

/** Enough for the addresses of IPv4 and IPv6. */
export const SNAP_BYTES = 64;
/** A session over UDP is seen by one of its packets in so many (a power of 2). */
export const UDP_SHARE = 16;

const ipv4 = { FRAGMENT: 6, PROTOCOL: 9 } as const;
const FRAGMENT_OFFSET = 0x1fff;
const ipv6 = { NEXT_HEADER: 6, BYTES: 40 } as const;
const tcp = { DESTINATION_PORT: 2, FLAGS: 13 } as const;
const udp = { SOURCE_PORT: 0, DESTINATION_PORT: 2 } as const;
const SYN = 0x02;
const ACK = 0x10;

/**
 * Passes what opens sessions from this host: outgoing TCP SYNs without ACK and one outgoing UDP packet in UDP_SHARE, not those of the wrapper
 * (`port` at either end: a NAT may have changed the peer's) and not on interfaces of `except`. The packet starts at its IP header
 * (SOCK_DGRAM). IPv6 packets with extension headers do not pass.
 */
export function sessionFilter(port: number, except: readonly number[]): Buffer {
  return bpf.assemble([
    bpf.loadAncillary(bpf.Ancillary.PACKET_TYPE),
    bpf.ifEqual(PACKET_OUTGOING, undefined, 'drop'),
    bpf.loadAncillary(bpf.Ancillary.INTERFACE),
    ...except.map((index) => bpf.ifEqual(index, 'drop')),
    bpf.loadAncillary(bpf.Ancillary.PROTOCOL),
    bpf.ifEqual(ETH_P_IP, 'ipv4'),
    bpf.ifEqual(ETH_P_IPV6, 'ipv6', 'drop'),

    bpf.label('ipv4'),
    bpf.loadHalf(ipv4.FRAGMENT),
    bpf.ifAnyBit(FRAGMENT_OFFSET, 'drop'),
    bpf.loadHeaderLength(0),
    bpf.loadByte(ipv4.PROTOCOL),
    bpf.ifEqual(IPPROTO_TCP, 'tcp'),
    bpf.ifEqual(IPPROTO_UDP, 'udp', 'drop'),

    bpf.label('ipv6'),
    bpf.loadIndex(ipv6.BYTES),
    bpf.loadByte(ipv6.NEXT_HEADER),
    bpf.ifEqual(IPPROTO_TCP, 'tcp'),
    bpf.ifEqual(IPPROTO_UDP, 'udp', 'drop'),

    bpf.label('tcp'),
    bpf.loadByteIndexed(tcp.FLAGS),
    bpf.and(SYN | ACK),
    bpf.ifEqual(SYN, undefined, 'drop'),
    bpf.loadHalfIndexed(tcp.DESTINATION_PORT),
    bpf.ifEqual(port, 'drop', 'accept'),

    bpf.label('udp'),
    bpf.loadHalfIndexed(udp.DESTINATION_PORT),
    bpf.ifEqual(port, 'drop'),
    bpf.loadHalfIndexed(udp.SOURCE_PORT),
    bpf.ifEqual(port, 'drop'),
    bpf.loadAncillary(bpf.Ancillary.RANDOM),
    bpf.ifAnyBit(UDP_SHARE - 1, 'drop'),

    bpf.label('accept'),
    bpf.accept(SNAP_BYTES),
    bpf.label('drop'),
    bpf.drop,
  ]);
}
