/**
 * Reverse-path filtering of IPv4 (RFC 3704; ip-sysctl.rst, rp_filter): the stricter of conf/all and conf/INTERFACE counts. Strict mode drops
 * packets from an address whose route leads through another interface, and the route to a steered address leads to the TUN device. IPv6
 * has no such filter in the routing code.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const ReversePath = { OFF: 0, STRICT: 1, LOOSE: 2 } as const;

/** A changed setting: `was` before, `set` by us. */
export interface ReversePathChange {
  readonly interface: string;
  readonly was: number;
  readonly set: number;
}

function path(name: string): string {
  return `/proc/sys/net/ipv4/conf/${name}/rp_filter`;
}

/** undefined when there is no such interface, or it has no IPv4. */
function setting(name: string): number | undefined {
  try {
    return Number(readFileSync(path(name), 'utf8'));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What has to change so that wrapper packets from steered addresses get in through the interface; undefined = nothing. */
export function loosening(name: string): ReversePathChange | undefined {
  const was = setting(name);
  if (was === undefined || Math.max(setting('all') ?? 0, was) !== ReversePath.STRICT) return undefined;
  return { interface: name, was, set: ReversePath.LOOSE };
}

/**
 * What has to change so that the TUN device's packets are taken from any source. Loose mode is no help there: on an interface without
 * addresses the kernel treats it as strict.
 */
export function opening(name: string): ReversePathChange | undefined {
  const was = setting(name);
  return was === undefined || was === ReversePath.OFF ? undefined : { interface: name, was, set: ReversePath.OFF };
}

/** Throws what the file system throws (EROFS where /proc/sys may only be read). */
export function apply(change: ReversePathChange): void {
  writeFileSync(path(change.interface), `${change.set}\n`);
}

/** Puts the former value back, unless somebody else has changed it since or the interface is gone. */
export function restore(change: ReversePathChange): void {
  if (setting(change.interface) !== change.set) return;
  try {
    writeFileSync(path(change.interface), `${change.was}\n`);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV';
}
