import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCaptured } from '../process/captured.mjs';
import { SetupError } from './error.mjs';

/** @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean, peer?: boolean }>} LockedPackages */

const LOCK = 'package-lock.json';
const STAMP = join('node_modules', '.mpip-lock');
/** npm's own record of what it put into node_modules, written last. */
const INSTALLED = join('node_modules', '.package-lock.json');

/**
 * Identifies what `npm ci` would install here: the lock file and, as some packages are binaries, the platform.
 * @param {string} root
 */
function lockIdentity(root) {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, LOCK)))
    .digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
}

/**
 * Whether all that the lock file asks for is installed in the same version. Optional packages may be absent:
 * binaries of other platforms are.
 * @param {LockedPackages} locked
 * @param {LockedPackages} installed
 */
export function satisfiesLock(locked, installed) {
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

/**
 * @param {string} file
 * @returns {LockedPackages}
 */
function packagesIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}

/**
 * Why `npm ci` is needed, or undefined when node_modules is as the lock file says.
 * @param {string} root
 */
export function modulesObstacle(root) {
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  const stamp = join(root, STAMP);
  const identity = lockIdentity(root);
  if (existsSync(stamp)) {
    const stamped = readFileSync(stamp, 'utf8');
    if (stamped === identity) return undefined;
    if (stamped.split(' ').slice(1).join(' ') !== identity.split(' ').slice(1).join(' ')) {
      return 'node_modules is of another platform';
    }
  }
  // Installed by hand (`npm install`, `npm ci`): taken as it is if it fits.
  const installed = join(root, INSTALLED);
  if (existsSync(installed) && satisfiesLock(packagesIn(join(root, LOCK)), packagesIn(installed))) {
    writeFileSync(stamp, identity);
    return undefined;
  }
  return 'package-lock.json changed';
}

/**
 * @param {string} root
 * @throws {SetupError} NPM_FAILED
 */
export async function installModules(root) {
  // Development dependencies hold the compiler, so NODE_ENV=production must not drop them.
  const result = await runCaptured('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root });
  if (result.status !== 0) {
    throw new SetupError('NPM_FAILED', `npm ci failed:\n${result.output.trimEnd()}`);
  }
  writeFileSync(join(root, STAMP), lockIdentity(root));
}
