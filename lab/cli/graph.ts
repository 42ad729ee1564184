import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { LabError } from '../error.js';
import { topologyDrawing } from '../figures/topology-drawing.js';
import { makePlan } from '../plan/make.js';
import { Lab } from '../running/lab.js';
import { readTopology } from '../topology/read.js';

export function registerGraph(program: Command): void {
  program
    .command('graph')
    .description('draw a topology, or a running lab as it is now')
    .argument('<file-or-lab...>', 'topology files as `up` takes them, or the name of a lab')
    .option('-o, --output <file>', 'X.svg or X.png; default: SVG on standard output')
    .action(async (names: [string, ...string[]], { output }: { output?: string }) => {
      const isFile = names.some((name) => /\.ya?ml$/.test(name));
      const svg = topologyDrawing(isFile ? makePlan(await readTopology(names)) : Lab.open(names[0]).plan);
      if (output === undefined) process.stdout.write(svg);
      else if (output.endsWith('.svg')) writeFileSync(output, svg);
      else if (output.endsWith('.png')) {
        const { renderPng } = await import('../figures/render.js');
        writeFileSync(output, renderPng(svg));
      } else throw new LabError('E_LAB_NAME', `${output} is neither .svg nor .png`);
    });
}
