import { ETH_P_IP, ETH_P_IPV6, IPPROTO_TCP, IPPROTO_UDP, PACKET_HOST } from '../syscall/constants.js';
import * as bpf from './bpf.js';

/** Enough for the headers, and for a block behind those of TCP. */
const HEADER_SNAP_BYTES = 256;
const WHOLE_PACKET_BYTES = 0xffff;

const ipv4 = { TOTAL: 2, FRAGMENT: 6, PROTOCOL: 9 } as const;
/** Offset, and more fragments. */
const FRAGMENT = 0x3fff;
const ipv6 = { PAYLOAD: 4, NEXT_HEADER: 6, BYTES: 40 } as const;
const tcp = { PORTS: 0, DATA_OFFSET: 12 } as const;
const udp = { LENGTH: 4 } as const;
/** Register that holds the length of the IP packet. */
const TOTAL = 0;

export interface InboundFilterOptions {
  /** Interfaces that are not listened to. */
  readonly except: readonly number[];
  /** First byte of a block, and the lengths that blocks have. */
  readonly blockStart: number;
  readonly blockBytes: readonly number[];
  /** Bytes of a UDP surplus area (RFC 9868) around a block, without the one that may pad it. */
  readonly surplusBytes: number;
  /** Source and destination port of TCP segments that pass in any case, as one 32-bit word. */
  readonly watched: readonly number[];
}

/**
 * Passes packets for this host that carry a block: TCP segments whose payload is as long as one and starts like one, and UDP datagrams with as
 * much surplus; and those of watched ports. The packet starts at its IP header (SOCK_DGRAM). Fragments and IPv6 packets with
 * extension headers do not pass.
 */
export function inboundFilter({ except, blockStart, blockBytes, surplusBytes, watched }: InboundFilterOptions): Buffer {
  const surpluses = blockBytes.flatMap((bytes) => [bytes + surplusBytes, bytes + surplusBytes + 1]);
  return bpf.assemble([
    bpf.loadAncillary(bpf.Ancillary.PACKET_TYPE),
    bpf.ifEqual(PACKET_HOST, undefined, 'early drop'),
    bpf.loadAncillary(bpf.Ancillary.INTERFACE),
    ...except.map((index) => bpf.ifEqual(index, 'early drop')),
    bpf.loadAncillary(bpf.Ancillary.PROTOCOL),
    bpf.ifEqual(ETH_P_IP, 'ipv4'),
    bpf.ifEqual(ETH_P_IPV6, 'ipv6'),
    bpf.label('early drop'),
    bpf.drop,

    bpf.label('ipv4'),
    bpf.loadHalf(ipv4.FRAGMENT),
    bpf.ifAnyBit(FRAGMENT, 'drop'),
    bpf.loadHalf(ipv4.TOTAL),
    bpf.store(TOTAL),
    bpf.loadHeaderLength(0),
    bpf.loadByte(ipv4.PROTOCOL),
    bpf.ifEqual(IPPROTO_TCP, 'tcp'),
    bpf.ifEqual(IPPROTO_UDP, 'udp', 'drop'),

    bpf.label('ipv6'),
    bpf.loadHalf(ipv6.PAYLOAD),
    bpf.add(ipv6.BYTES),
    bpf.store(TOTAL),
    bpf.loadIndex(ipv6.BYTES),
    bpf.loadByte(ipv6.NEXT_HEADER),
    bpf.ifEqual(IPPROTO_TCP, 'tcp'),
    bpf.ifEqual(IPPROTO_UDP, 'udp', 'drop'),

    bpf.label('udp'),
    bpf.loadHalfIndexed(udp.LENGTH),
    bpf.addIndex,
    bpf.setIndex,
    bpf.restore(TOTAL),
    bpf.subtractIndex,
    ...surpluses.map((bytes) => bpf.ifEqual(bytes, 'whole')),
    bpf.drop,

    bpf.label('tcp'),
    bpf.loadWordIndexed(tcp.PORTS),
    ...watched.map((ports) => bpf.ifEqual(ports, 'headers')),
    bpf.loadByteIndexed(tcp.DATA_OFFSET),
    bpf.shiftRight(4),
    bpf.shiftLeft(2),
    bpf.addIndex,
    bpf.setIndex,
    bpf.restore(TOTAL),
    bpf.subtractIndex,
    ...blockBytes.map((bytes) => bpf.ifEqual(bytes, 'block')),
    bpf.label('drop'),
    bpf.drop,
    bpf.label('block'),
    bpf.loadByteIndexed(0),
    bpf.ifEqual(blockStart, 'headers'),
    bpf.drop,

    bpf.label('headers'),
    bpf.accept(HEADER_SNAP_BYTES),
    bpf.label('whole'),
    bpf.accept(WHOLE_PACKET_BYTES),
  ]);
}
