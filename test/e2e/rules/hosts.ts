/** Two hosts with mpipd, two links between them, and mpipctl on the first host. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Lab, parseTopology, type Topology } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';
import type { RuleListing } from '../../../src/daemon/api.js';

const MPIPCTL = fileURLToPath(new URL('../../../dist/src/ctl/main.js', import.meta.url));
const DATAGRAMS = fileURLToPath(new URL('programs/datagrams.ts', import.meta.url));
/** The host of the paper's Table 6. */
export const B = '192.168.1.2';
const PATIENCE_MS = 10_000;
const QUIET_MS = 300;

export const TOPOLOGY: Topology = parseTopology(
  `
name: rules
nodes: { a: { kind: host, mpip: {} }, b: { kind: host, mpip: {} } }
links:
  path1: { ends: [a:eth0, b:eth0], subnet: 192.168.1.0/24, rate: 40mbit }
  path2: { ends: [a:eth1, b:eth1], subnet: 192.168.2.0/24, rate: 20mbit }
`,
  'rules.yaml',
);

export class Rules {
  constructor(
    private readonly lab: Lab,
    private readonly directory: string,
  ) {}

  list(): Promise<RuleListing[]> {
    return this.mpipctl('list');
  }

  add(rule: string, ...more: string[]): Promise<RuleListing[]> {
    return this.mpipctl('add', rule, ...more);
  }

  remove(name: string): Promise<RuleListing[]> {
    return this.mpipctl('remove', name);
  }

  async load(text: string): Promise<RuleListing[]> {
    const file = join(this.directory, 'rules.yaml');
    await writeFile(file, text);
    return this.mpipctl('load', file);
  }

  private async mpipctl(...args: string[]): Promise<RuleListing[]> {
    const node = this.lab.node('a');
    const command = [process.execPath, MPIPCTL, 'rules', ...args, '--json', '--socket', node.mpip!.socketPath];
    return JSON.parse((await node.exec(command)).stdout) as RuleListing[];
  }
}

export function packetsOf(rules: readonly RuleListing[], name: string): number {
  const listing = rules.find(({ rule }) => rule.name === name);
  if (listing === undefined) throw new Error(`there is no rule ${name}`);
  return listing.packets;
}

/** Data packets that a has sent on each link. */
export async function sentPackets(lab: Lab): Promise<[number, number]> {
  const { paths } = await lab.node('a').mpip!.status();
  const on = (name: string): number =>
    paths.filter((path) => path.interface === name).reduce((sum, path) => sum + path.sentPackets, 0);
  return [on('eth0'), on('eth1')];
}

/** Waits until so many sessions of b's ports are MPIP: their first packets go natively. */
export async function isMpip(lab: Lab, port: number): Promise<void> {
  const missing = await waitUntil(async () => {
    const { sessions } = await lab.node('a').mpip!.status();
    const session = sessions.find(({ destination }) => destination.port === port);
    return session?.state === 'mpip' ? null : `port ${port}: ${session?.state ?? 'no session'}`;
  }, PATIENCE_MS);
  if (missing !== null) throw new Error(missing);
}

/** Sends datagrams to b, and returns their numbers as they arrived. */
export async function sendDatagrams(lab: Lab, port: number, bytes: number, count: number): Promise<number[]> {
  const program = [process.execPath, '--import', 'tsx', DATAGRAMS];
  const lines: string[] = [];
  await using receiver = await lab.node('b').spawn([...program, 'receive', String(port)], {
    readyWhen: /^listening$/,
    onLine: (line) => void (line.startsWith('[') && lines.push(line)),
  });
  await lab.node('a').exec([...program, 'send', B, ...[port, bytes, count].map(String)]);
  // Nothing tells a receiver that a datagram was the last one.
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  receiver.kill('SIGUSR2');
  await receiver.exited;
  return JSON.parse(lines[0] ?? '[]') as number[];
}
