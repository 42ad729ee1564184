import type { Address } from '../../core/io.js';
import { AF_INET, AF_INET6, EINTR, ENOBUFS, SOL_NETLINK } from '../syscall/constants.js';
import { NetlinkError } from './error.js';
import {
  addressDumpHeader,
  decodeInterfaceAddress,
  hostAddressAttributes,
  hostAddressHeader,
  type InterfaceAddress,
} from './interface-address.js';
import { decodeLink, type Link, type LinkSettings, linkAttributes, linkDump, linkHeader } from './link.js';
import { type Attribute, Attributes, encodeMessage, type Message, parseMessages } from './message.js';
import {
  type DeviceRoute,
  decodeRoute,
  isCached,
  type Route,
  routeAttributes,
  routeDumpHeader,
  routeHeader,
  routeQueryAttributes,
  routeQueryHeader,
} from './route.js';
import * as rt from './rtnetlink.js';
import { decodeRule, type MarkRule, type Rule, ruleAttributes, ruleDumpHeader, ruleHeader } from './rule.js';
import { EMPTY, NetlinkSocket, OVERRUN } from './socket.js';

/** A dump that changes under our eyes is read again, at most this often. */
const DUMP_ATTEMPTS = 16;
const NLMSGHDR_BYTES = 16;

/**
 * Requests to the kernel's routing tables, interfaces and addresses in the network namespace in which it was made. Synchronous: the
 * kernel answers within the call. Every method throws NetlinkError when the kernel refuses.
 */
export class Netlink implements Disposable {
  private readonly socket = new NetlinkSocket();
  private sequence = 0;

  constructor() {
    for (const [option, name] of [
      [rt.NETLINK_EXT_ACK, 'NETLINK_EXT_ACK'],
      [rt.NETLINK_CAP_ACK, 'NETLINK_CAP_ACK'],
      [rt.NETLINK_GET_STRICT_CHK, 'NETLINK_GET_STRICT_CHK'],
    ] as const) {
      this.socket.setOption(SOL_NETLINK, option, 1, name);
    }
  }

  /** Events that this object causes carry this number. */
  get port(): number {
    return this.socket.port;
  }

  links(): Link[] {
    const { fixed, attributes } = linkDump();
    return this.dump('list links', rt.RTM_GETLINK, fixed, attributes).map(decodeLink);
  }

  /** IPv4 and IPv6. */
  addresses(): InterfaceAddress[] {
    return this.dump('list addresses', rt.RTM_GETADDR, addressDumpHeader())
      .map(decodeInterfaceAddress)
      .filter((address) => address !== undefined);
  }

  /** Gives an interface an address of its own, /32 or /128. Refused with EEXIST when it has it. */
  addAddress(index: number, address: Address): void {
    const flags = rt.NLM_F_CREATE | rt.NLM_F_EXCL;
    const request = `add address ${address} to link ${index}`;
    this.change(request, rt.RTM_NEWADDR, flags, hostAddressHeader(index, address), hostAddressAttributes(address));
  }

  deleteAddress(index: number, address: Address): void {
    const request = `delete address ${address} from link ${index}`;
    this.change(request, rt.RTM_DELADDR, 0, hostAddressHeader(index, address), hostAddressAttributes(address));
  }

  setLink(index: number, settings: LinkSettings): void {
    const request = `set link ${index} ${JSON.stringify(settings)}`;
    this.change(request, rt.RTM_NEWLINK, 0, linkHeader(index, settings.up), linkAttributes(settings));
  }

  /** `ip route get DESTINATION mark MARK`. Where nothing leads there NetlinkError says ENETUNREACH, EHOSTUNREACH or the like. */
  routeGet(destination: Address, { mark = 0 }: { readonly mark?: number } = {}): Route {
    const request = `route to ${destination} with mark ${mark}`;
    const fixed = routeQueryHeader(destination);
    const [payload] = this.transact(request, rt.RTM_GETROUTE, 0, fixed, routeQueryAttributes(destination, mark));
    return decodeRoute(payload);
  }

  /** Routes of both families that `protocol` made. */
  routes({ protocol }: { readonly protocol: number }): Route[] {
    return [AF_INET, AF_INET6]
      .flatMap((family) => this.dump('list routes', rt.RTM_GETROUTE, routeDumpHeader(family, protocol)))
      .filter((payload) => !isCached(payload))
      .map(decodeRoute)
      .filter((route) => route.protocol === protocol);
  }

  /** Adds the route, or replaces the one to the same destination in the same table. */
  addRoute(route: DeviceRoute): void {
    const flags = rt.NLM_F_CREATE | rt.NLM_F_REPLACE;
    this.change(`add ${describe(route)}`, rt.RTM_NEWROUTE, flags, routeHeader(route), routeAttributes(route));
  }

  /** Deletes a route that equals `route` as far as that is filled in. */
  deleteRoute(route: DeviceRoute): void {
    this.change(`delete ${describe(route)}`, rt.RTM_DELROUTE, 0, routeHeader(route), routeAttributes(route));
  }

  rules(): Rule[] {
    return [AF_INET, AF_INET6]
      .flatMap((family) => this.dump('list rules', rt.RTM_GETRULE, ruleDumpHeader(family)))
      .map(decodeRule)
      .filter((rule) => rule !== undefined);
  }

  /** Refused with EEXIST when the same rule is there already. */
  addRule(rule: MarkRule): void {
    const flags = rt.NLM_F_CREATE | rt.NLM_F_EXCL;
    this.change(`add ${describeRule(rule)}`, rt.RTM_NEWRULE, flags, ruleHeader(rule), ruleAttributes(rule));
  }

  /** The kernel does not compare `invert` here: ask `rules` first where that matters. */
  deleteRule(rule: MarkRule): void {
    this.change(`delete ${describeRule(rule)}`, rt.RTM_DELRULE, 0, ruleHeader(rule), ruleAttributes(rule));
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  private change(request: string, type: number, flags: number, fixed: Buffer, attributes: readonly Attribute[]): void {
    this.transact(request, type, flags, fixed, attributes);
  }

  /** Sends one request and returns the payloads of what comes before its acknowledgement. */
  private transact(
    request: string,
    type: number,
    flags: number,
    fixed: Buffer,
    attributes: readonly Attribute[],
  ): Buffer[] {
    const sequence = this.request(type, flags | rt.NLM_F_ACK, fixed, attributes);
    const payloads: Buffer[] = [];
    for (;;) {
      for (const message of this.receive(request, sequence)) {
        if (message.type === rt.NLMSG_ERROR) {
          throwIfRefused(request, message);
          return payloads;
        }
        payloads.push(Buffer.from(message.payload));
      }
    }
  }

  private dump(request: string, type: number, fixed: Buffer, attributes: readonly Attribute[] = []): Buffer[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const payloads = this.dumpOnce(request, this.request(type, rt.NLM_F_DUMP, fixed, attributes));
      if (payloads !== undefined) return payloads;
    }
    throw new NetlinkError(request, EINTR, `the list changed while it was read, ${DUMP_ATTEMPTS} times in a row`);
  }

  /** undefined when the list changed meanwhile. */
  private dumpOnce(request: string, sequence: number): Buffer[] | undefined {
    const payloads: Buffer[] = [];
    let consistent = true;
    for (;;) {
      for (const message of this.receive(request, sequence)) {
        if ((message.flags & rt.NLM_F_DUMP_INTR) !== 0) consistent = false;
        if (message.type === rt.NLMSG_ERROR || message.type === rt.NLMSG_DONE) {
          throwIfRefused(request, message);
          return consistent ? payloads : undefined;
        }
        payloads.push(Buffer.from(message.payload));
      }
    }
  }

  private request(type: number, flags: number, fixed: Buffer, attributes: readonly Attribute[]): number {
    this.sequence = (this.sequence + 1) >>> 0;
    this.socket.send(encodeMessage(type, flags | rt.NLM_F_REQUEST, this.sequence, fixed, attributes));
    return this.sequence;
  }

  /** Messages of one datagram that answer the request; an earlier one that failed half-way may have left others. */
  private receive(request: string, sequence: number): Message[] {
    const datagram = this.socket.receive(true);
    if (datagram === OVERRUN || datagram === EMPTY) throw new NetlinkError(request, ENOBUFS);
    return parseMessages(datagram).filter((message) => message.sequence === sequence);
  }
}

/** NLMSG_ERROR: error number, the request's header, attributes. NLMSG_DONE: error number, attributes. */
function throwIfRefused(request: string, message: Message): void {
  const error = message.payload.length >= 4 ? message.payload.readInt32LE(0) : 0;
  if (error >= 0) return;
  const explained = (message.flags & rt.NLM_F_ACK_TLVS) !== 0;
  const start = message.type === rt.NLMSG_DONE ? 4 : 4 + quotedBytes(message);
  const text = explained ? new Attributes(message.payload, start).text(rt.NLMSGERR_ATTR_MSG) : undefined;
  throw new NetlinkError(request, -error, text);
}

function quotedBytes(message: Message): number {
  return (message.flags & rt.NLM_F_CAPPED) !== 0 ? NLMSGHDR_BYTES : message.payload.readUInt32LE(4);
}

function describe({ destination, prefix, interfaceIndex, source, mtu, table }: DeviceRoute): string {
  const from = source === undefined ? '' : ` src ${source}`;
  const size = mtu === undefined ? '' : ` mtu ${mtu}`;
  return `route ${destination}/${prefix} through interface ${interfaceIndex}${from}${size} in table ${table}`;
}

function describeRule({ family, priority, mark, invert, table }: MarkRule): string {
  return `${family} rule ${priority}: ${invert ? 'not ' : ''}fwmark ${mark} lookup ${table}`;
}
