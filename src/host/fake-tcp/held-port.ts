import type { Address } from '../../core/io.js';
import { get16 } from '../../core/memory.js';
import { Arena } from '../arena.js';
import * as bpf from '../sniffer/bpf.js';
import { attachFilter } from '../sniffer/packet-tap.js';
import { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SOCK_CLOEXEC, SOCK_STREAM } from '../syscall/constants.js';
import { check, close, getsockname, listen, socket } from '../syscall/libc.js';
import { family } from '../syscall/socket-address.js';
import { bindTo, setIntegerOption } from '../syscall/socket-setup.js';

const NAME_BYTES = 64;

/**
 * A TCP port of a local address that the kernel gives to nobody else, and on which it is silent: its socket listens behind a filter that passes
 * nothing, so that no segment is answered, by a reset neither. It ends with the process, whatever ends that.
 */
export class HeldPort implements Disposable {
  private open = true;

  private constructor(
    private readonly fd: number,
    readonly port: number,
  ) {}

  /** `port` 0: one that is free. Throws SystemError (EADDRINUSE when a program has it). */
  static open(address: Address, port: number): HeldPort {
    const domain = family(address);
    const fd = check(socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0), 'socket SOCK_STREAM');
    using scratch = Arena.allocate(1024);
    try {
      if (domain === AF_INET6) setIntegerOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
      attachFilter(fd, scratch, bpf.assemble([bpf.drop]));
      bindTo(fd, { address, port });
      check(listen(fd, 1), `listen ${address} port ${port}`);
      scratch.u32[0] = NAME_BYTES;
      check(getsockname(fd, scratch.address + 8, scratch.address), 'getsockname');
      return new HeldPort(fd, get16(scratch.memory.bytes, 8 + 2));
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    close(this.fd);
  }
}
