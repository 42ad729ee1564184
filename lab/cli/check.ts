import type { Command } from 'commander';
import { readText } from '../../src/document/document.js';
import { DocumentError } from '../../src/document/error.js';
import { makePlan } from '../plan/make.js';
import { kindOfDocument } from '../scenario/kind-of-document.js';
import { readScenario } from '../scenario/read.js';
import { readTopology } from '../topology/read.js';
import { EXIT_BAD_INPUT } from './exit-status.js';

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('check topologies and scenarios; every problem is named with file, line and column')
    .argument('<file...>')
    .option('--together', 'as one topology, each file over those before it, as `up` takes them')
    .action(async (files: [string, ...string[]], { together }: { together?: true }) => {
      for (const group of together ? [files] : files.map((file): [string] => [file])) {
        const file = group.join(' ');
        try {
          process.stdout.write(`${file}: ok, ${await contentOf(group)}\n`);
        } catch (error) {
          if (!(error instanceof DocumentError)) throw error;
          process.stderr.write(`${error.message}\n`);
          process.exitCode = EXIT_BAD_INPUT;
        }
      }
    });
}

/** What a sound file holds, or several topologies as one. Throws DocumentError. */
async function contentOf(files: readonly [string, ...string[]]): Promise<string> {
  const [file, ...over] = files;
  if (over.length > 0 || kindOfDocument(await readText(file), file) === 'topology') {
    const { nodes, links } = makePlan(await readTopology(files));
    return `${nodes.length} nodes, ${links.length} links`;
  }
  const { cases, repeat } = await readScenario(file);
  const [{ arms, workloads, claims }] = cases as [(typeof cases)[number]];
  const counts = { arms: arms.length, workloads: workloads.length, claims: claims.length, combinations: cases.length };
  const texts = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  return [...texts, `${arms.length * cases.length * repeat} labs`].join(', ');
}
