import type { Endpoint } from '../../core/io.js';
import type { Arena } from '../arena.js';
import { msghdr } from '../syscall/message-header.js';
import { SOCKADDR_BYTES, writeSocketAddress } from '../syscall/socket-address.js';

/** Prepared destinations by number: each a socket to send from and a socket address in the arena. Numbers are used again. */
export class RouteTable<Socket> {
  /** By number. undefined: the route's local address has no socket (any more). */
  readonly sockets: (Socket | undefined)[] = [];
  private readonly names: number;
  private readonly nameBytes: Int32Array;
  private readonly isOpen: Uint8Array;
  private readonly free: number[] = [];

  constructor(
    private readonly arena: Arena,
    private readonly capacity: number,
  ) {
    this.names = arena.memory.allocate(capacity * SOCKADDR_BYTES);
    this.nameBytes = new Int32Array(capacity);
    this.isOpen = new Uint8Array(capacity);
  }

  /** Throws RangeError when there are too many. */
  open(socket: Socket | undefined, remote: Endpoint): number {
    const route = this.free.pop() ?? this.sockets.length;
    if (route === this.capacity) throw new RangeError(`more than ${this.capacity} routes`);
    const { bytes } = this.arena.memory;
    this.nameBytes[route] = writeSocketAddress(bytes, this.names + route * SOCKADDR_BYTES, remote);
    this.sockets[route] = socket;
    this.isOpen[route] = 1;
    return route;
  }

  /** Idempotent. */
  close(route: number): void {
    if (this.isOpen[route] === 0) return;
    this.isOpen[route] = 0;
    this.sockets[route] = undefined;
    this.free.push(route);
  }

  /** The socket is about to close: its routes stay valid and send nothing. */
  detach(socket: Socket): void {
    for (let route = 0; route < this.sockets.length; route++) {
      if (this.sockets[route] === socket) this.sockets[route] = undefined;
    }
  }

  /** Addresses the struct msghdr at `header` to a route's destination. */
  address(header: number, route: number): void {
    const { u32, highWord } = this.arena;
    const name = (header + msghdr.name) >>> 2;
    u32[name] = this.arena.lowWord(this.names + route * SOCKADDR_BYTES);
    u32[name + 1] = highWord;
    u32[(header + msghdr.nameBytes) >>> 2] = this.nameBytes[route];
  }
}
