/** How long the commands that make and end a lab of 2 hosts, 2 routers and 6 links take, from their start to their end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtProgram } from '../lab/running/built.js';

/** `figures` of each of the two access links of host a. */
const topology = (mpip: boolean, figures: string): string => `name: small-lab
nodes:
  a: { kind: host, mpip: ${mpip} }
  b: { kind: host, mpip: ${mpip} }
  r1: { kind: router }
  r2: { kind: router }
links:
  a1: { ends: [a:eth0, r1:eth0], subnet: 10.1.0.0/24, rate: 40mbit${figures} }
  a2: { ends: [a:eth1, r2:eth0], subnet: 10.2.0.0/24, rate: 20mbit${figures} }
  b1: { ends: [b:eth0, r1:eth1], subnet: 10.3.0.0/24, rate: 40mbit }
  b2: { ends: [b:eth1, r2:eth1], subnet: 10.4.0.0/24, rate: 20mbit }
  x1: { ends: [r1:eth2, r2:eth2], subnet: 10.5.0.0/24, rate: 100mbit }
  x2: { ends: [r1:eth3, r2:eth3], subnet: 10.6.0.0/24, rate: 100mbit }
`;

const PLAIN = topology(false, '');
const RELAYED = topology(false, ', delay: 5ms, jitter: 1ms');
const MPIP = topology(true, ', delay: 5ms, jitter: 1ms');

const NAME = `small-lab-${process.pid}`;

/** Seconds. */
async function mpipLab(...words: string[]): Promise<number> {
  const start = performance.now();
  await execa(process.execPath, [builtProgram('lab', 'cli', 'main.js'), ...words], { stdin: 'ignore' });
  return (performance.now() - start) / 1000;
}

async function times(text: string): Promise<{ up: number; down: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'mpip-bench-'));
  try {
    const file = join(directory, 'small-lab.yaml');
    writeFileSync(file, text);
    const up = await mpipLab('up', file, '--keep', '--name', NAME);
    return { up, down: await mpipLab('down', NAME) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export default {
  title: 'the commands up and down for 2 hosts, 2 routers and 6 links',
  unit: 's',
  better: 'lower',
  peer: 'up, rates alone',
  rounds: 5,
  cases: {
    'up, rates alone': async () => (await times(PLAIN)).up,
    'up, two links by the relay': async () => (await times(RELAYED)).up,
    'up, and mpipd with its paths live': async () => (await times(MPIP)).up,
    'down, rates alone': async () => (await times(PLAIN)).down,
    'down, relay and mpipd': async () => (await times(MPIP)).down,
  },
};
