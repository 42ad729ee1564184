/** Programs of this package that are run from the build, whether this file runs from sources or from the build. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../error.js';

/** Path of a built program, such as ('src', 'daemon', 'main.js'). Throws LabError (E_LAB_NOT_BUILT). */
export function builtProgram(...path: readonly string[]): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return join(directory, 'dist', ...path);
    if (directory === dirname(directory))
      throw new LabError('E_LAB_NOT_BUILT', 'the package of the lab has no package.json');
  }
}

/** Throws LabError (E_LAB_NOT_BUILT). */
export function requireBuilt(program: string): void {
  if (!existsSync(program)) throw new LabError('E_LAB_NOT_BUILT', `${program} does not exist; run: npm run build`);
}
