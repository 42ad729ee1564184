/** Captures of interfaces of a running lab, by tcpdump inside the node, as one pcapng stream. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findProgram } from '../doctor/machine.js';
import { LabCommandError, LabError, LabMachineError } from '../error.js';
import type { Lab } from '../running/lab.js';
import { PcapReader, pcapngHeader } from './pcapng.js';

export interface CaptureOptions {
  /** In tcpdump's words (pcap-filter(7)); default: all packets. */
  readonly filter?: string;
  /** Gets the file piece by piece. */
  readonly onData: (piece: Buffer) => void;
  /** All interfaces are being captured. */
  readonly onStart?: () => void;
  /** Ends the capture; what came until then is written. */
  readonly signal: AbortSignal;
}

interface Place {
  readonly node: string;
  readonly interface: string;
}

/**
 * What is named: "NODE:INTERFACE", or a link, which is captured at its first end: there both directions pass, what leaves before
 * its queue and what comes as it came. Throws LabError (E_LAB_UNKNOWN).
 */
export function placeOf(lab: Lab, what: string): Place {
  const [node, device] = what.split(':');
  if (node === undefined || device === undefined) return lab.link(what).ends[0];
  const known = lab.node(node).interfaces.map(({ name }) => name);
  if (known.includes(device)) return { node, interface: device };
  throw new LabError(
    'E_LAB_UNKNOWN',
    `${node} has no interface ${JSON.stringify(device)}; interfaces: ${known.join(', ')}`,
  );
}

/** Resolves when the signal has ended the capture, or the lab has. Throws LabMachineError, LabCommandError. */
export async function capture(lab: Lab, places: readonly Place[], options: CaptureOptions): Promise<void> {
  if (findProgram('tcpdump') === undefined) {
    throw new LabMachineError('tcpdump is not installed; run: apt-get install tcpdump');
  }
  options.onData(pcapngHeader(places.map((place) => ({ name: `${place.node}:${place.interface}` }))));
  let waiting = places.length;
  await Promise.all(
    places.map((place, index) =>
      captureOne(lab, place, index, options, () => {
        waiting--;
        if (waiting === 0) options.onStart?.();
      }),
    ),
  );
}

async function captureOne(
  lab: Lab,
  place: Place,
  index: number,
  { filter, onData, signal }: CaptureOptions,
  started: () => void,
): Promise<void> {
  const words = ['tcpdump', '-i', place.interface, '-n', '-U', '--nano', '--immediate-mode', '-s', '0', '-w', '-'];
  if (filter !== undefined) words.push(filter);
  const { command, env } = lab.commandLine(place.node, words);
  const [program = '', ...rest] = command;
  // A session of its own: Ctrl-C is for this process, which then ends the capture in order.
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const end = (): boolean => child.kill('SIGINT');
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (!stderr.includes('listening on') && `${stderr}${text}`.includes('listening on')) started();
    stderr += text;
  });
  const reader = new PcapReader(index);
  child.stdout.on('data', (piece: Buffer) => onData(reader.take(piece)));
  const [exitCode, by] = (await once(child, 'close')) as [number | null, string | null];
  signal.removeEventListener('abort', end);
  if (exitCode === 0 || signal.aborted) return;
  const failure = { exitCode: exitCode ?? undefined, signal: by ?? undefined, stderr };
  throw new LabCommandError({ node: place.node, command: words, ...failure });
}
