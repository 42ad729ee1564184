/**
 * What a set of links can carry at most, as an application sees it: link rate x payload bytes of a full packet / its bytes on the
 * wire, summed over the links. Computed from the headers that are really sent, so it compares with what iperf3 reports.
 */
/** Destination, source and type; the kernel's shapers count neither preamble nor frame check sequence. */
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const UDP_BYTES = 8;
const TCP_BYTES = 20;
/** Timestamps (RFC 7323) with their padding: what every Linux TCP data segment carries. */
const TCP_TIMESTAMP_BYTES = 12;
/** Data sequence signal with a 32-bit acknowledgement and a 64-bit mapping (RFC 8684, section 3.3): 22 bytes and 2 of padding. */
const MPTCP_DSS_BYTES = 24;
/** The control message block (paper section 3.1), and the tag that authenticates it. */
export const CM_BYTES = 25;
export const TAG_BYTES = 8;

/** How the bytes of an application are packed on a link. */
export interface Packing {
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  readonly ip: 4 | 6;
  readonly transport: 'tcp' | 'mptcp' | 'udp';
  /** Multipath IP's wrapper around it; null = none. */
  readonly mpip: { readonly authenticated: boolean; readonly by: 'udp' | 'tcp' } | null;
}

export interface FullPacket {
  /** Application bytes in it. */
  readonly payloadBytes: number;
  /** Bytes that a shaper or an interface counter counts for it. */
  readonly wireBytes: number;
}

/** The largest packet that fits the MTU. Throws RangeError when the headers alone do not. */
export function fullPacket(packing: Packing): FullPacket {
  const overhead = headerBytes(packing);
  if (overhead >= packing.mtu) {
    throw new RangeError(`an MTU of ${packing.mtu} bytes leaves no payload after ${overhead} bytes of headers`);
  }
  return { payloadBytes: packing.mtu - overhead, wireBytes: packing.mtu + ETHERNET_BYTES };
}

/** Application bit/s at most over links of these rates (bit/s on the wire). */
export function limit(linkRates: readonly number[], packing: Packing): number {
  const packet = fullPacket(packing);
  return (linkRates.reduce((sum, rate) => sum + rate, 0) * packet.payloadBytes) / packet.wireBytes;
}

/** IP header up to, and what follows, the payload: everything inside the MTU that is not the application's. */
function headerBytes({ ip, transport, mpip }: Packing): number {
  const network = ip === 4 ? IPV4_BYTES : IPV6_BYTES;
  const tcp = TCP_BYTES + TCP_TIMESTAMP_BYTES + (transport === 'mptcp' ? MPTCP_DSS_BYTES : 0);
  if (mpip === null) return network + (transport === 'udp' ? UDP_BYTES : tcp);
  const wrapper = mpip.by === 'udp' ? UDP_BYTES : TCP_BYTES;
  // A UDP session drops its own, a TCP session keeps its header (paper section 4.1.2).
  const inner = transport === 'udp' ? 0 : tcp;
  return network + wrapper + inner + CM_BYTES + (mpip.authenticated ? TAG_BYTES : 0);
}
