import type { Node } from '../../../src/core/node.js';
import type { Host } from './host.js';
import { cut } from './offload.js';
import { type Endpoint, udpPacket } from './packet.js';
import { type PoisonedSlotPool, SLOT_BYTES } from './poisoned-slots.js';

const MAX_UDP_PAYLOAD = 65_507;
/** Datagrams of one message (UDP_SEGMENT, UDP_GRO). */
const MAX_SEGMENTS = 64;

interface Arrival {
  readonly local: number;
  readonly source: Endpoint;
  readonly payload: Uint8Array;
}

/** The UDP sockets of a simulated daemon's wrapper, on all of its addresses. */
export class WrapperSocket {
  /** Sees every datagram that is sent: route end points and payload. */
  tap: ((local: string, remote: Endpoint, payload: Uint8Array) => void) | null = null;

  private readonly arrivals: Arrival[] = [];
  private readonly errors: { local: number; remote: Endpoint }[] = [];
  private identification = 0;

  /** `gro`: whether datagrams that arrived together are handed in as one message. */
  constructor(
    private readonly host: Host,
    private readonly port: number,
    private readonly gro: boolean,
  ) {}

  arrived(local: number, source: Endpoint, payload: Uint8Array): void {
    this.arrivals.push({ local, source, payload });
  }

  /** ICMP says that nobody listens at `remote`. */
  refused(local: number, remote: Endpoint): void {
    this.errors.push({ local, remote });
  }

  handIn(node: Pick<Node, 'fromWire' | 'nextTimeout'>, slots: PoisonedSlotPool, now: number): void {
    while (this.arrivals.length > 0) {
      const slot = slots.take();
      // Without a slot the datagrams wait in the socket; the next release is at the latest at the node's next timeout.
      if (slot < 0) {
        if (node.nextTimeout() === Number.POSITIVE_INFINITY)
          throw new Error('the node keeps all slots and waits for nothing');
        return;
      }
      const first = this.arrivals.shift()!;
      const parts = [first.payload];
      let length = first.payload.length;
      while (this.gro && length % first.payload.length === 0 && parts.length < MAX_SEGMENTS) {
        const next = this.arrivals[0];
        if (next === undefined || next.local !== first.local || next.payload.length > first.payload.length) break;
        if (next.source.address !== first.source.address || next.source.port !== first.source.port) break;
        if (next.payload.length === 0 || length + next.payload.length > SLOT_BYTES) break;
        parts.push(next.payload);
        length += next.payload.length;
        this.arrivals.shift();
      }
      slots.fill(slot, parts);
      const source = { endpoint: () => first.source, fingerprint: () => fingerprint(first.source) };
      const segmentBytes = parts.length > 1 ? first.payload.length : 0;
      node.fromWire(slot, slots.offset(slot), length, segmentBytes, first.local, source, now);
      slots.release(slot);
    }
  }

  handInErrors(node: Pick<Node, 'unreachable'>, now: number): void {
    for (const { local, remote } of this.errors.splice(0)) node.unreachable(local, remote, now);
  }

  /** One message, cut into datagrams of `segmentBytes` (0: it is one). */
  send(local: string, remote: Endpoint, message: Uint8Array, segmentBytes: number): void {
    const step = segmentBytes === 0 ? message.length : segmentBytes;
    for (let at = 0; at < message.length; at += step) this.sendDatagram(local, remote, message.subarray(at, at + step));
  }

  private sendDatagram(local: string, remote: Endpoint, payload: Uint8Array): void {
    this.tap?.(local, remote, payload);
    const source = { address: local, port: this.port };
    const outgoing = udpPacket({ source, destination: remote, payload }, 0, this.identification++ & 0xffff);
    if (outgoing.packet.length > this.host.mtu)
      throw new Error(`datagram of ${payload.length} bytes, interface MTU ${this.host.mtu}`);
    this.host.transmit(cut(outgoing)[0]!, local);
  }
}

/** Throws for what the kernel would refuse in one call, by UDP or TCP. */
export function checkMessage(bytes: number, segmentBytes: number): void {
  if (bytes > MAX_UDP_PAYLOAD) throw new Error(`UDP message of ${bytes} bytes`);
  if (segmentBytes > 0 && Math.ceil(bytes / segmentBytes) > MAX_SEGMENTS) {
    throw new Error(`${bytes} bytes in datagrams of ${segmentBytes}: more than ${MAX_SEGMENTS}`);
  }
}

function fingerprint({ address, port }: Endpoint): number {
  let hash = port;
  for (const character of address) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}
