/** Programs of this package that are run from the build, whether this file runs from sources or from the build. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../error.js';
import { packageRoot } from '../package-root.js';

/** Path of a built program, such as ('src', 'daemon', 'main.js'). Throws LabError (E_LAB_NOT_BUILT). */
export function builtProgram(...path: readonly string[]): string {
  return join(packageRoot(), 'dist', ...path);
}

/** Throws LabError (E_LAB_NOT_BUILT). */
export function requireBuilt(program: string): void {
  if (!existsSync(program)) throw new LabError('E_LAB_NOT_BUILT', `${program} does not exist; run: npm run build`);
}
