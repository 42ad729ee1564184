/** Squid in a node, as the proxy of one origin. */
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../doctor/machine.js';
import { LabMachineError } from '../../error.js';
import type { LabNode } from '../../running/node.js';
import type { LabProcess } from '../../running/process.js';
import { listening } from '../listening.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const CONFIGURATION = 'squid.conf';

/**
 * Its configuration: to the origin and nowhere else (browsers call home), nothing is cached. File names are relative to the folder that it starts in:
 * Squid gives its rights up, and need not reach the folder by its whole path.
 */
export function squidConfiguration(listen: Endpoint, origin: Endpoint): string {
  return `${[
    `http_port ${hostOf(listen.address)}:${listen.port}`,
    `acl origin dst ${origin.address}`,
    `acl media port ${origin.port}`,
    'http_access allow origin media',
    'http_access deny all',
    'cache deny all',
    'access_log stdio:access.log',
    'cache_log cache.log',
    'cache_store_log none',
    'pid_filename squid.pid',
    'netdb_filename none',
    'pinger_enable off',
    'shutdown_lifetime 0 seconds',
    // Answers come as they arrive, however slowly the client takes them.
    'read_ahead_gap 64 KB',
    'visible_hostname proxy.lab',
  ].join('\n')}\n`;
}

/** As in a URL. */
export function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The account that it gives its rights up for, from what `squid -v` says. */
export function accountOf(about: string): string {
  return /--with-default-user=([\w-]+)/.exec(about)?.[1] ?? 'nobody';
}

/** From the same: "5.7". */
export function versionOf(about: string): string {
  return /Version (\S+)/.exec(about)?.[1] ?? '';
}

/** A running Squid; it ends with `await using`, and with the lab at the latest. */
export class Squid implements AsyncDisposable {
  private constructor(
    readonly version: string,
    private readonly process: LabProcess,
  ) {}

  /**
   * With all its files in `folder`, which is made; resolves when it listens. Throws LabMachineError when it is not installed, LabCommandError; when
   * `signal` aborts, its reason.
   */
  static async start(
    node: LabNode,
    folder: string,
    listen: Endpoint,
    origin: Endpoint,
    { mptcp, signal }: { readonly mptcp: boolean; readonly signal: AbortSignal },
  ): Promise<Squid> {
    const path = findProgram('squid');
    if (path === undefined) throw new LabMachineError('squid is not installed; run: apt-get install squid');
    const about = await node.exec([path, '-v'], { signal });
    const account = await node.exec(['id', '-u', accountOf(about.stdout)], { signal });
    await mkdir(folder);
    await writeFile(join(folder, CONFIGURATION), squidConfiguration(listen, origin));
    await chown(folder, Number(account.stdout), -1);
    const command = [path, '-N', '-f', CONFIGURATION];
    const server = await node.spawn(mptcp ? ['mptcpize', 'run', ...command] : command, { cwd: folder, signal });
    try {
      await listening(node, listen.port, server, signal);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return new Squid(versionOf(about.stdout), server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
