import { Node } from '../../core/node.js';
import { SlotPool } from '../../core/slots.js';
import { VNET_BYTES } from '../../core/wire/vnet.js';
import { Arena } from '../../host/arena.js';
import { monotonicUs } from '../../host/clock.js';
import { SegmentReceiver } from '../../host/fake-tcp/segment-receiver.js';
import { SegmentSender } from '../../host/fake-tcp/segment-sender.js';
import { IoCounters } from '../../host/io-counters.js';
import { NetlinkEvents } from '../../host/netlink/events.js';
import { Netlink } from '../../host/netlink/netlink.js';
import { Poller } from '../../host/poller.js';
import { RawSocket } from '../../host/raw-socket.js';
import { InboundSniffer } from '../../host/sniffer/inbound.js';
import { Sniffer } from '../../host/sniffer/sniffer.js';
import { Steering } from '../../host/steering/steering.js';
import { Tun } from '../../host/tun.js';
import { WireReceiver } from '../../host/wire/wire-receiver.js';
import { WireSender } from '../../host/wire/wire-sender.js';
import type { DataPlaneOptions } from '../daemon.js';
import { LinuxIo, type WriteLog } from './linux-io.js';
import { interfaceNames, LocalAddressBook } from './local-addresses.js';
import { type Controller, Loop } from './loop.js';
import { PinnedAddresses } from './pinned-addresses.js';
import { SegmentSockets } from './segment-sockets.js';
import { SteeredDestinations } from './steered-destinations.js';
import { TunLink } from './tun-link.js';
import { WireSockets } from './wire-sockets.js';

const SLOTS = 1024;
const SLOT_BYTES = 65_536;
/** For batches, headers and the core's own buffers. Pages that are never used cost nothing. */
const OTHER_BYTES = 32 * 1024 * 1024;
const MAX_IP_PACKET_BYTES = 65_535;

/**
 * Runs a node on this host until it is told to stop; blocks the thread. What it opens or changes on the host is closed and undone before
 * it returns or throws. Throws SystemError, NetlinkError, SteeringError, AlreadyRunningError, RecordError.
 */
export function runDataPlane(options: DataPlaneOptions, controller: Controller, log: WriteLog): void {
  const { nodeConfig, mark } = options;
  using arena = Arena.allocate(SLOTS * SLOT_BYTES + OTHER_BYTES);
  using netlink = new Netlink();
  // Before anything else, so that a second daemon hears who the first is, and not that a device is busy.
  if (Steering.cleanUp(options.stateDirectory, netlink)) log('warn', 'cleaned up after a daemon that was killed', {});

  const counters = new IoCounters();
  const poller = new Poller(arena);
  const slots = new SlotPool(arena.memory, SLOTS, SLOT_BYTES);
  const receiver = new WireReceiver(arena, slots, counters);
  const segmentSender = new SegmentSender(arena, counters);
  const sender = new WireSender(arena, counters, segmentSender);
  const warn = (event: string, fields: Record<string, unknown>): void => log('warn', event, fields);

  using networkEvents = new NetlinkEvents(netlink);
  using raw = RawSocket.open(mark, arena, counters);
  using tun = Tun.open(options.tunName, arena, counters);
  const tunLink = TunLink.bringUp(netlink, tun.name);
  const links = netlink.links();
  const loopback = links.filter((link) => link.loopback).map((link) => link.index);
  const except = [tunLink.index, ...loopback];
  using sniffer = new Sniffer({ port: nodeConfig.port, except });
  using inbound = new InboundSniffer(arena, except);
  const addressBook = new LocalAddressBook(options.interfaces, tunLink.index);
  using steering = new Steering({ ...options, netlink, tunIndex: tunLink.index, tunName: tun.name });
  steering.prepare(interfaceNames(addressBook.update(links, netlink.addresses())));
  const steered = new SteeredDestinations(steering, warn);
  const pinned = new PinnedAddresses(netlink, tunLink.index, warn);
  using sockets = new WireSockets({ arena, poller, receiver, sender, port: nodeConfig.port, mark, warn });

  using segmentSockets = new SegmentSockets({
    poller,
    receiver: new SegmentReceiver(arena, slots, counters),
    sender: segmentSender,
    port: nodeConfig.port,
    mark,
    warn,
  });

  const io = new LinuxIo({ tun, raw, inbound, sender, sockets, segmentSender, segmentSockets, steered, pinned, log });
  const node = new Node(nodeConfig, arena.memory, slots, io, monotonicUs());
  sockets.connect({
    fromWire: (slot, offset, bytes, segmentBytes, local, source, now) =>
      node.fromWire(slot, offset, bytes, segmentBytes, local, source, now),
    unreachable: (local, remote, now) => node.unreachable(local, remote, now),
    tooLong: (local, remote, mtu, now) => node.pathTooLong(local, remote, mtu, now),
  });
  segmentSockets.connect((slot, offset, bytes, segmentBytes, local, now) =>
    node.fromTcp(slot, offset, bytes, segmentBytes, local, now),
  );
  const tunBytes = VNET_BYTES + MAX_IP_PACKET_BYTES;
  const tunBuffer = { offset: arena.memory.allocate(tunBytes), bytes: tunBytes };
  const loop = new Loop({
    node,
    poller,
    tun,
    tunLink,
    tunBuffer,
    sockets,
    segmentSockets: nodeConfig.transport === 'udp' ? undefined : segmentSockets,
    sniffer,
    inbound,
    netlink,
    networkEvents,
    addressBook,
    steering,
    steered,
    counters,
    controller,
    log,
  });
  controller.send({ what: 'ready', tun: tun.name, offloads: tun.offloads });
  loop.run();
}
