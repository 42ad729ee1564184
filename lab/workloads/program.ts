/** Programs of ours that run inside nodes, from sources (tsx) or from the build, as this file itself. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly command: readonly string[];
  /** Where the loader of sources is found from. */
  readonly cwd: string;
}

/** `path` is that of the program's source, relative to `base` (import.meta.url), without its extension. */
export function program(path: string, base: string, words: readonly string[]): Program {
  const file = fileURLToPath(new URL(`${path}${base.endsWith('.ts') ? '.ts' : '.js'}`, base));
  const options = process.execArgv.filter((option) => !option.startsWith('--inspect'));
  return { command: [process.execPath, ...options, file, ...words], cwd: dirname(file) };
}
