import { access, constants, readFile } from 'node:fs/promises';

/** Bits of capabilities(7). */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

/** This machine lacks what mpipd needs. */
export class RequirementError extends Error {
  readonly code = 'E_REQUIREMENT';
  override readonly name = 'RequirementError';

  /** Each with what to do about it. */
  constructor(readonly missing: readonly string[]) {
    super(missing.join('\n'));
  }
}

/** Throws RequirementError when mpipd cannot work here. */
export async function checkRequirements(): Promise<void> {
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push(`mpipd runs on Linux, not on ${process.platform}`);
  else {
    const capabilities = effectiveCapabilities(await readFile('/proc/self/status', 'latin1'));
    if ((capabilities >> BigInt(CAP_NET_ADMIN)) % 2n === 0n || (capabilities >> BigInt(CAP_NET_RAW)) % 2n === 0n) {
      missing.push(
        'mpipd may not change the network: run it as root, or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW',
      );
    }
    const problem = await tunProblem();
    if (problem) missing.push(problem);
  }
  if (missing.length > 0) throw new RequirementError(missing);
}

/** The set that counts, from the text of /proc/PID/status. */
export function effectiveCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
}

async function tunProblem(): Promise<string | undefined> {
  try {
    await access('/dev/net/tun', constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      return `/dev/net/tun cannot be opened: ${(error as Error).message}`;
    return (
      'there is no /dev/net/tun: load it with "modprobe tun"; in a container, start that with --device /dev/net/tun ' +
      '--cap-add NET_ADMIN --cap-add NET_RAW'
    );
  }
}
