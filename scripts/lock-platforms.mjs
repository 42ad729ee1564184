// `npm run lock`: after a change of dependencies, makes package-lock.json name the binaries of all platforms.
//
// npm leaves an optional package out of the lock file when the registry in use does not serve it (a partial mirror), and
// `npm ci` then refuses that lock file everywhere. Such an entry needs the version and the platform only: the packages
// of other platforms are never downloaded.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain } from './process/main.mjs';
import { ROOT } from './setup.mjs';

/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [optionalDependencies]
 */

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32', 'aix'];
const PROCESSORS = ['arm64', 'x64', 'ia32', 'arm', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x'];

/**
 * The optional packages that the lock file's packages name and the lock file does not hold.
 * @param {Record<string, LockedPackage>} packages Of the lock file, by path.
 * @returns {{ name: string, version: string, parent: LockedPackage }[]}
 */
export function unlockedOptionals(packages) {
  return Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !isLocked(packages, path, name))
      .map(([name, version]) => ({ name, version, parent })),
  );
}

/**
 * Whether `name`, imported from the package at `path`, is found there or in a folder above.
 * @param {Record<string, LockedPackage>} packages
 * @param {string} path
 * @param {string} name
 */
function isLocked(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
  }
}

/**
 * The entry of a binary package, its platform read from its name (…/cli-linux-x64-musl).
 * @param {string} name
 * @param {string} version Exact.
 * @param {LockedPackage} parent
 * @returns {LockedPackage}
 * @throws {Error} The name tells no platform or the version is a range: not a binary of one platform.
 */
export function platformEntry(name, version, parent) {
  const words = name.slice(name.lastIndexOf('/') + 1).split(/[-.]/);
  const system = SYSTEMS.find((candidate) => words.includes(candidate));
  const processor = PROCESSORS.find((candidate) => words.includes(candidate));
  if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(`${name}@${version}: not the binary of one platform; lock it with npm`);
  }
  const musl = words.some((word) => word.startsWith('musl'));
  const glibc = words.some((word) => word.startsWith('gnu'));
  return {
    version,
    cpu: [processor],
    ...(parent.dev === true ? { dev: true } : {}),
    ...(musl || glibc ? { libc: [musl ? 'musl' : 'glibc'] } : {}),
    optional: true,
    os: [system],
  };
}

if (isMain(import.meta.url)) {
  const file = join(ROOT, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  for (const { name, version, parent } of unlockedOptionals(lock.packages)) {
    lock.packages[`node_modules/${name}`] = platformEntry(name, version, parent);
    console.log(`added ${name}@${version}`);
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
