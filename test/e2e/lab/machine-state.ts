/** What a lab may leave behind, as lists of texts that can be compared. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { findProgram } from '../../../lab/doctor/machine.js';

export interface MachineState {
  readonly namespaces: string[];
  /** Of the machine itself, outside of all namespaces. */
  readonly links: string[];
  readonly rules: string[];
  readonly routes: string[];
  /** Of nftables and iptables-nft, where nft(8) is there. */
  readonly ruleset: string[];
  readonly processes: string[];
  readonly files: string[];
}

const SETTLE_MS = 10_000;
const POLL_MS = 20;

/** Namespaces of labs whose names have a prefix, processes with a variable in their environment, files below a directory. */
export interface Traces {
  readonly prefix: string;
  readonly environment: string;
  readonly directory: string;
}

export function machineState({ prefix, environment, directory }: Traces): MachineState {
  return {
    namespaces: entries('/run/netns').filter((name) => name.startsWith(prefix)),
    links: lines('ip', ['-brief', 'link']).map((line) => line.split(/\s/)[0] ?? ''),
    rules: [...lines('ip', ['-4', 'rule']), ...lines('ip', ['-6', 'rule'])],
    routes: lines('ip', ['route', 'show', 'table', 'all']),
    ruleset: findProgram('nft') === undefined ? [] : lines('nft', ['--stateless', 'list', 'ruleset']),
    processes: processesWith(environment),
    files: entries(directory),
  };
}

/** Waits until the machine is as it was; fails with the difference. */
export async function expectState(expected: MachineState, traces: Traces): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  while (performance.now() < deadline && JSON.stringify(machineState(traces)) !== JSON.stringify(expected)) {
    await sleep(POLL_MS);
  }
  expect(machineState(traces)).to.deep.equal(expected);
}

/** Sorted; none where there is no such directory. */
function entries(directory: string): string[] {
  return existsSync(directory) ? (readdirSync(directory, { recursive: true }) as string[]).sort() : [];
}

function lines(command: string, options: readonly string[]): string[] {
  const text = execFileSync(command, options, { encoding: 'utf8' });
  return text.split('\n').filter((line) => line !== '');
}

function processesWith(variable: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (!environment.includes(variable) || Number(pid) === process.pid) return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()}`];
    } catch {
      return [];
    }
  });
}
