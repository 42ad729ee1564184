import type { PacketMatch, Range } from '../../core/routing/rules.js';

/** Whether every packet that `inner` matches is matched by `outer`, too: then a rule with `inner` behind one with `outer` never applies. */
export function covers(outer: PacketMatch, inner: PacketMatch): boolean {
  return (
    isWithin(inner.destinationPort, outer.destinationPort) &&
    isWithin(inner.sourcePort, outer.sourcePort) &&
    isWithin(inner.length, outer.length) &&
    isEqual(inner.protocol, outer.protocol) &&
    isEqual(inner.dscp, outer.dscp) &&
    isEqual(inner.pureAck, outer.pureAck) &&
    isInside(inner.destination, outer.destination)
  );
}

function isEqual<T>(inner: T | undefined, outer: T | undefined): boolean {
  return outer === undefined || inner === outer;
}

function isWithin(inner: Range | undefined, outer: Range | undefined): boolean {
  return outer === undefined || (inner !== undefined && inner.from >= outer.from && inner.to <= outer.to);
}

function isInside(inner: PacketMatch['destination'], outer: PacketMatch['destination']): boolean {
  if (outer === undefined) return true;
  if (inner === undefined || inner.bytes.length !== outer.bytes.length || inner.bits < outer.bits) return false;
  for (let bit = 0; bit < outer.bits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((inner.bytes[bit >> 3] as number) & mask) !== ((outer.bytes[bit >> 3] as number) & mask)) return false;
  }
  return true;
}
