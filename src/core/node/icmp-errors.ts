/**
 * ICMP errors of a session's host about packets that came to it over the paths. On the native route a NAT may not know the flow, or the route
 * may be dead, so they go over the paths as well; the other side restores addresses and ports from its session.
 */
import { set16 } from '../memory.js';
import type { Peer } from '../tables/peers.js';
import { CmType, type Icmp } from '../wire/control.js';
import { ICMP_BYTES, isErrorOfHost, QUOTED_TRANSPORT_BYTES, readError, writeError } from '../wire/icmp.js';
import type { PacketView } from '../wire/packet.js';
import * as vnet from '../wire/vnet.js';
import type { NodeContext } from './context.js';
import type { ControlChannel } from './control-channel.js';
import type { Delivery } from './delivery.js';
import type { Envelope } from './receiver.js';

/** Offsets within the header of TCP and UDP. */
const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;

export class IcmpErrors {
  private readonly scratch: number;

  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    private readonly delivery: Delivery,
  ) {
    this.scratch = context.memory.allocate(vnet.VNET_BYTES + ICMP_BYTES);
  }

  /** A packet of the own host that is neither TCP nor UDP. Whether it was an error about a session whose packets come over the paths, and has been sent. */
  send(packet: PacketView, now: number): boolean {
    const { memory, sessions } = this.context;
    const b = memory.bytes;
    const error = readError(b, packet);
    if (error === undefined) return false;
    const { protocol, sourceAt, destinationAt, addressBytes, transportAt, type, code, rest } = error;
    const [remotePort, localPort] = [SOURCE_PORT, DESTINATION_PORT].map(
      (field) => (b[transportAt + field] << 8) | b[transportAt + field + 1],
    );
    // The packet came from the other side.
    const local = b.slice(destinationAt, destinationAt + addressBytes);
    const remote = b.slice(sourceAt, sourceAt + addressBytes);
    const session = sessions.findTuple(protocol, local, localPort, remote, remotePort);
    // What the other side sends may come over the paths though this side's own direction has not been bound: it may have said nothing yet.
    if (session === undefined || session.receivedPackets === 0) return false;
    const path = session.peer.freshest;
    if (path === undefined) return false;
    const transport = b.slice(transportAt, transportAt + QUOTED_TRANSPORT_BYTES);
    const message: Icmp = { type: CmType.icmp, icmpType: type, code, rest: rest >>> 0, transport };
    this.control.send(path, message, now, session.id, session.openedBySelf);
    return true;
  }

  /** The peer's host has one about a packet of ours: the application's stack gets it. */
  received(peer: Peer, { icmpType: type, code, rest, transport }: Icmp, envelope: Envelope): void {
    const session = peer.sessionOf(envelope.session, !envelope.fromOpener);
    if (session === undefined) return;
    const { source, destination, protocol, sourcePort, destinationPort } = session;
    if (!isErrorOfHost(source.length === 4 ? 4 : 6, type, code)) return;
    set16(transport, SOURCE_PORT, sourcePort);
    set16(transport, DESTINATION_PORT, destinationPort);
    const at = this.scratch + vnet.VNET_BYTES;
    const { bytes: b } = this.context.memory;
    const bytes = writeError(b, at, { type, code, rest, protocol }, source, destination, transport);
    this.delivery.packet(this.scratch, vnet.VNET_BYTES + bytes);
  }
}
