/** Files that are made once on a machine: `mpip` below the user's cache folder (XDG base directories). */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mpip');
}

/**
 * Path of a file or folder, which `make` makes under the path that it is given where there is none yet; it appears whole or not at all.
 * `name` tells all that its content depends on.
 */
export async function cached(name: string, make: (path: string) => Promise<unknown>): Promise<string> {
  const path = join(cacheDirectory(), name);
  if (existsSync(path)) return path;
  const fresh = join(cacheDirectory(), `.${process.pid}-${randomBytes(3).toString('hex')}-${name}`);
  await mkdir(dirname(path), { recursive: true });
  try {
    await make(fresh);
    await rename(fresh, path).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return path;
}
