import { SURPLUS_HEADER_BYTES } from '../../core/nat/surplus.js';
import { CM_BYTES, CM_VERSION, TAG_BYTES } from '../../core/wire/cm.js';
import { CmType } from '../../core/wire/control.js';
import { field as ipv4 } from '../../core/wire/ipv4.js';
import { HEADER_BYTES as IPV6_BYTES, field as ipv6 } from '../../core/wire/ipv6.js';
import { Arena } from '../arena.js';
import { AF_PACKET, PACKET_IGNORE_OUTGOING, SOCK_CLOEXEC, SOCK_DGRAM, SOL_PACKET } from '../syscall/constants.js';
import { check, close, socket } from '../syscall/libc.js';
import { tryIntegerOption } from '../syscall/socket-setup.js';
import { inboundFilter } from './inbound-filter.js';
import { attachFilter, listenEverywhere, nextPacket } from './packet-tap.js';

const MAX_PACKET_BYTES = 65_535;
/** Packets read in one go, so that other descriptors of the loop get their turn. */
const BATCH = 64;
/** Pairs of ports in the filter; sessions beyond wait until others are done. */
const MAX_WATCHED = 64;

/**
 * Sees incoming native packets that say something about a session: those that carry a block of MPIP, and those of watched TCP connections
 * (any interface, before netfilter). The kernel filters, so that all other traffic costs no wake-up.
 */
export class InboundSniffer implements Disposable {
  /** Readable when packets wait: for poll. */
  readonly fd: number;
  private readonly scratch = Arena.allocate(4096);
  private readonly buffer: number;
  /** How often each pair of ports is wanted. */
  private readonly watched = new Map<number, number>();
  private inFilter: readonly number[] = [];
  private open = true;

  /** Packets are read into memory of `arena`. Interfaces of `except` are not listened to. Throws SystemError (EPERM without CAP_NET_RAW). */
  constructor(
    private readonly arena: Arena,
    private readonly except: readonly number[],
  ) {
    this.buffer = arena.memory.allocate(MAX_PACKET_BYTES);
    // Protocol 0: nothing arrives before the filter is there.
    this.fd = check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket AF_PACKET');
    try {
      tryIntegerOption(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      this.attach();
      listenEverywhere(this.fd, this.scratch);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** TCP packets between these ports are seen, too. Throws SystemError. */
  watch(remotePort: number, localPort: number): void {
    const ports = portsWord(remotePort, localPort);
    this.watched.set(ports, (this.watched.get(ports) ?? 0) + 1);
    this.refresh();
  }

  unwatch(remotePort: number, localPort: number): void {
    const ports = portsWord(remotePort, localPort);
    const count = this.watched.get(ports) ?? 0;
    if (count > 1) this.watched.set(ports, count - 1);
    else this.watched.delete(ports);
    this.refresh();
  }

  /** Hands on what waits: offset and bytes in the arena; of a watched packet only the headers may be there. Throws SystemError. */
  drain(report: (offset: number, bytes: number) => void): void {
    const { bytes } = this.arena.memory;
    for (let i = 0; i < BATCH; i++) {
      const length = nextPacket(this.fd, this.arena.address + this.buffer, MAX_PACKET_BYTES);
      if (length < 0) return;
      report(this.buffer, Math.max(length, ipPacketBytes(bytes, this.buffer)));
    }
  }

  private refresh(): void {
    const wanted = [...this.watched.keys()].slice(0, MAX_WATCHED);
    if (wanted.length === this.inFilter.length && wanted.every((ports, i) => ports === this.inFilter[i])) return;
    this.inFilter = wanted;
    this.attach();
  }

  private attach(): void {
    const program = inboundFilter({
      except: this.except,
      blockStart: (CM_VERSION << 4) | CmType.bind,
      blockBytes: [CM_BYTES, CM_BYTES + TAG_BYTES],
      surplusBytes: SURPLUS_HEADER_BYTES,
      watched: this.inFilter,
    });
    attachFilter(this.fd, this.scratch, program);
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
    this.scratch[Symbol.dispose]();
  }
}

function portsWord(source: number, destination: number): number {
  return ((source << 16) | destination) >>> 0;
}

/** What the IP header says, at most what fits the buffer. */
function ipPacketBytes(b: Uint8Array, at: number): number {
  const isIpv6 = b[at] >>> 4 === 6;
  const field = at + (isIpv6 ? ipv6.payloadBytes : ipv4.totalBytes);
  const said = (b[field] << 8) | b[field + 1];
  return Math.min(MAX_PACKET_BYTES, isIpv6 ? IPV6_BYTES + said : said);
}
