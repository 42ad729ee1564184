/** Captures of interfaces of a running lab, by tcpdump inside the node, as one pcapng stream. */
import { launchInNamespace } from '../backend/netns/launch.js';
import { findProgram } from '../doctor/machine.js';
import { LabCommandError, LabError, LabMachineError } from '../error.js';
import { TOKEN_VARIABLE } from '../record/record.js';
import type { Lab } from '../running/lab.js';
import { signalProcess } from '../running/signals.js';
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
 * What is named: "NODE:INTERFACE"; a link, which is captured at its first end, where both directions pass, what leaves before its queue
 * and what comes as it came; or a node with all its interfaces. A name that both have is the link's. Throws LabError (E_LAB_UNKNOWN).
 */
export function placesOf(lab: Lab, what: string): Place[] {
  const [node, device] = what.split(':');
  if (node === undefined || device === undefined) return linkOrNode(lab, what);
  const known = lab.node(node).interfaces.map(({ name }) => name);
  if (known.includes(device)) return [{ node, interface: device }];
  throw new LabError(
    'E_LAB_UNKNOWN',
    `${node} has no interface ${JSON.stringify(device)}; interfaces: ${known.join(', ')}`,
  );
}

function linkOrNode({ links, nodes }: Lab, what: string): Place[] {
  const link = links.find(({ name }) => name === what);
  if (link !== undefined) return [link.ends[0]];
  const node = nodes.find(({ name }) => name === what);
  if (node !== undefined) return node.interfaces.map(({ name }) => ({ node: what, interface: name }));
  const known = (items: readonly { readonly name: string }[]): string => items.map(({ name }) => name).join(', ');
  throw new LabError(
    'E_LAB_UNKNOWN',
    `no link or node is named ${JSON.stringify(what)}; links: ${known(links)}; nodes: ${known(nodes)}`,
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
  const env = { MPIP_LAB: lab.name, MPIP_NODE: place.node, [TOKEN_VARIABLE]: lab.record.token };
  // This machine's tcpdump, whatever the node is made of: its network namespace has its name.
  const tcpdump = await launchInNamespace(lab.name, place.node, { command: words, env });
  const end = (): void => signalProcess(tcpdump.pid, 'SIGINT');
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let stderr = '';
  tcpdump.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (!stderr.includes('listening on') && `${stderr}${text}`.includes('listening on')) started();
    stderr += text;
  });
  const reader = new PcapReader(index);
  tcpdump.stdout?.on('data', (piece: Buffer) => onData(reader.take(piece)));
  const exit = await tcpdump.exited;
  signal.removeEventListener('abort', end);
  if (exit.exitCode === 0 || signal.aborted) return;
  throw new LabCommandError({ node: place.node, command: words, ...exit, stderr });
}
