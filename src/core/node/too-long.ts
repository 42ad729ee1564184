/** What happens to packets that are longer than the paths carry. */
import { formatAddress } from '../address.js';
import type { Session } from '../tables/sessions.js';
import { ICMP_BYTES, writeTooBig } from '../wire/icmp.js';
import type { PacketView } from '../wire/packet.js';
import * as vnet from '../wire/vnet.js';
import type { NodeContext } from './context.js';
import type { Delivery } from './delivery.js';

export class TooLong {
  private readonly scratch: number;

  constructor(
    private readonly context: NodeContext,
    private readonly delivery: Delivery,
  ) {
    this.scratch = context.memory.allocate(vnet.VNET_BYTES + ICMP_BYTES);
  }

  /**
   * Drops the packet and tells the application's stack how long it may be. False = it is to go natively: it may be cut on its way, or the
   * stack knows already and may not make it shorter (IPv6 packets below 1280 bytes).
   */
  refuse(session: Session, packet: PacketView, gsoBytes: number): boolean {
    const { counters, memory } = this.context;
    const b = memory.bytes;
    const mtu = session.peer.steered.get(formatAddress(b, packet.destinationAt, packet.addressBytes));
    const payload = gsoBytes > 0 ? Math.min(gsoBytes, packet.payloadBytes) : packet.payloadBytes;
    const length = packet.ipBytes + packet.transportBytes + payload;
    if (!packet.dontFragment || mtu === undefined || length <= mtu) return false;
    const bytes = writeTooBig(b, this.scratch + vnet.VNET_BYTES, packet, mtu);
    this.delivery.packet(this.scratch, vnet.VNET_BYTES + bytes);
    counters.tooLong++;
    return true;
  }
}
