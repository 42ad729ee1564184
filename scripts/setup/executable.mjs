import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian keeps administration commands; a plain user's PATH, and root's after `su`, lack these. */
const ADMINISTRATION = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Makes administration commands reachable for this process and for all that it starts. */
export function addAdministrationPath(environment = process.env) {
  const present = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const missing = ADMINISTRATION.filter((folder) => !present.includes(folder));
  environment.PATH = [...present, ...missing].join(delimiter);
}

/**
 * The file that running `name` would execute, or undefined.
 * @param {string} name
 */
export function findExecutable(name, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}
