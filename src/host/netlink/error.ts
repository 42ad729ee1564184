import { getSystemErrorMap } from 'node:util';

/** The kernel refused a netlink request. `errno` is positive, `errnoName` its symbol ("EEXIST"), `request` what was asked for. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code = 'E_NETLINK';
  readonly errnoName: string;

  constructor(
    readonly request: string,
    readonly errno: number,
    /** The kernel's own words (extended acknowledgement), empty when it gave none. */
    readonly kernelMessage = '',
  ) {
    const [name, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${request}: ${kernelMessage === '' ? text : kernelMessage} (${name})`);
    this.errnoName = name;
  }
}
