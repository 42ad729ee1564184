import type { Command } from 'commander';
import { buildImage } from '../backend/docker/image.js';

export function registerImage(program: Command): void {
  program
    .command('image')
    .description('the image of nodes for --backend docker')
    .command('build')
    .description("build it for this machine's engine; prints its name")
    .option('--base <image>', 'image to build on; default: as its Dockerfile says, else a Debian by debootstrap')
    .option('--bootstrap', 'make the base with debootstrap, without a registry')
    .action(async ({ base, bootstrap }: { base?: string; bootstrap?: true }) => {
      const image = await buildImage({ base, bootstrap, onLine: (line) => process.stderr.write(`${line}\n`) });
      process.stdout.write(`${image}\n`);
    });
}
