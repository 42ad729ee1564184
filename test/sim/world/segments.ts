/** TCP segments that a host makes of a message of the node's, and the other way round. */
import { cut } from './offload.js';
import { finishIpHeader, long, PSH, parseIp, parseTcp, TCP, type TcpSegment, tcpPacket, word } from './packet.js';

/** Complete packets of a message: TCP header, and payload that is cut into pieces of `segmentBytes` (0 = not). */
export function segmentsOf(from: string, to: string, message: Uint8Array, segmentBytes: number): Uint8Array[] {
  const header = (message[12]! >> 4) * 4;
  const segment: TcpSegment = {
    source: { address: from, port: word(message, 0) },
    destination: { address: to, port: word(message, 2) },
    sequence: long(message, 4),
    acknowledgement: long(message, 8),
    flags: message[13]!,
    window: word(message, 14),
    options: message.subarray(20, header),
    payload: message.subarray(header),
  };
  const outgoing = tcpPacket(segment, segmentBytes, 0);
  return outgoing.protocol === TCP ? cut(outgoing) : [];
}

/** Whether a packet is what the kernel joins to those before it: of the same flow, next in sequence, nothing else new in its header. */
export function follows(joined: readonly Uint8Array[], packet: Uint8Array): boolean {
  const [first, last, next] = [joined[0]!, joined[joined.length - 1]!, packet].map((own) => parseTcp(parseIp(own))) as [
    TcpSegment,
    TcpSegment,
    TcpSegment,
  ];
  const bytes = joined.reduce((sum, own) => sum + own.length, packet.length);
  return (
    bytes < 65_000 &&
    last.payload.length === first.payload.length &&
    next.payload.length > 0 &&
    next.payload.length <= first.payload.length &&
    next.sequence === (last.sequence + last.payload.length) >>> 0 &&
    next.acknowledgement === first.acknowledgement &&
    next.window === first.window &&
    (last.flags & PSH) === 0 &&
    next.source.port === first.source.port &&
    next.source.address === first.source.address &&
    next.destination.port === first.destination.port
  );
}

/** One packet of those that follow each other. */
export function join(packets: readonly Uint8Array[]): { packet: Uint8Array; segmentBytes: number } {
  const first = packets[0]!;
  if (packets.length === 1) return { packet: first, segmentBytes: 0 };
  const payloads = packets.map((own) => parseTcp(parseIp(own)).payload);
  const header = first.length - payloads[0]!.length;
  const packet = new Uint8Array(header + payloads.reduce((sum, { length }) => sum + length, 0));
  packet.set(first.subarray(0, header));
  let at = header;
  for (const payload of payloads) {
    packet.set(payload, at);
    at += payload.length;
  }
  finishIpHeader(packet, parseIp(first).headerBytes);
  return { packet, segmentBytes: payloads[0]!.length };
}
