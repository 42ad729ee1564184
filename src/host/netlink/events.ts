import { type Message, parseMessages } from './message.js';
import * as rt from './rtnetlink.js';
import { EMPTY, NetlinkSocket, OVERRUN } from './socket.js';

const GROUPS = [
  rt.RTNLGRP_LINK,
  rt.RTNLGRP_IPV4_IFADDR,
  rt.RTNLGRP_IPV4_ROUTE,
  rt.RTNLGRP_IPV4_RULE,
  rt.RTNLGRP_IPV6_IFADDR,
  rt.RTNLGRP_IPV6_ROUTE,
  rt.RTNLGRP_IPV6_RULE,
];

/** Hears of every change of links, addresses, routes and rules, so that the lists are read again when, and only when, they changed. */
export class NetlinkEvents implements Disposable {
  private readonly socket = new NetlinkSocket(GROUPS);

  /** Changes that were caused through `except` (a Netlink) are not reported. Throws SystemError. */
  constructor(private readonly except?: { readonly port: number }) {}

  /** Readable when something happened: for poll. */
  get fd(): number {
    return this.socket.fd;
  }

  /** Reads all that is there, without waiting; whether anything changed. Lost messages count as a change. */
  drain(): boolean {
    let changed = false;
    for (;;) {
      const datagram = this.socket.receive(false);
      if (datagram === EMPTY) return changed;
      if (datagram === OVERRUN || parseMessages(datagram).some((message) => this.concerns(message))) changed = true;
    }
  }

  private concerns(message: Message): boolean {
    return this.except === undefined || message.port !== this.except.port;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}
