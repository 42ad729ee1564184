/** An independent, slow reading of IP packets: shares no code with the sources under test. */

/** RFC 1071 word by word, folding at once. */
export function naiveSum(bytes: Iterable<number>): number {
  const all = [...bytes];
  let total = 0;
  for (let i = 0; i < all.length; i += 2) {
    total += all[i] * 256 + (i + 1 < all.length ? all[i + 1] : 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return total;
}

export interface ReadPacket {
  version: number;
  protocol: number;
  ipHeader: Uint8Array;
  transportHeader: Uint8Array;
  payload: Uint8Array;
  ipChecksumRight: boolean;
  transportChecksumRight: boolean;
}

/** Reads a TCP or UDP packet without IPv6 extension headers; throws when the lengths do not agree. */
export function readPacket(packet: Uint8Array): ReadPacket {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const version = packet[0] >> 4;
  const ipBytes = version === 4 ? (packet[0] & 15) * 4 : 40;
  const total = version === 4 ? view.getUint16(2) : 40 + view.getUint16(4);
  if (total !== packet.length) throw new Error(`IP length ${total}, packet of ${packet.length}`);
  const protocol = version === 4 ? packet[9] : packet[6];
  const transport = packet.subarray(ipBytes);
  const transportBytes = protocol === 6 ? (transport[12] >> 4) * 4 : 8;
  if (protocol === 17 && view.getUint16(ipBytes + 4) !== transport.length) throw new Error('UDP length');
  const addresses = version === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const pseudo = [...addresses, 0, protocol, transport.length >> 8, transport.length & 255];
  return {
    version,
    protocol,
    ipHeader: packet.slice(0, ipBytes),
    transportHeader: transport.slice(0, transportBytes),
    payload: transport.slice(transportBytes),
    ipChecksumRight: version === 6 || naiveSum(packet.subarray(0, ipBytes)) === 0xffff,
    transportChecksumRight: naiveSum([...pseudo, ...transport]) === 0xffff,
  };
}
