import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCaptured } from '../process/captured.mjs';
import { SetupError } from './error.mjs';

/**
 * The kernel and the first programs of the virtual machine: unpacked from their packages, never installed, so that the machine itself
 * is not touched. The first is a metapackage, whose dependency is the kernel of the day.
 */
const KERNEL = 'linux-image-cloud-amd64';
const PROGRAMS = 'busybox-static';
export const GUEST_PACKAGES = [KERNEL, PROGRAMS];

/** Where Debian has it, by release. */
export const SHARING_PROGRAMS = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'];

/** Below the checkout, ignored by git. */
const FOLDER = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), '.cache', 'guest');
/** Written last: all is there. */
const COMPLETE = 'complete';

/**
 * What the virtual machine is started from.
 * @typedef {object} Guest
 * @property {string} kernel The kernel's file.
 * @property {string} busybox A statically linked program.
 * @property {string} modules The folder of the kernel's modules, modules.dep among them.
 * @property {string} release Of the kernel, as uname(1) prints it.
 */

export function guestIsUnpacked() {
  return existsSync(join(FOLDER, COMPLETE));
}

/**
 * @returns {Guest}
 * @throws {Error} It has not been unpacked.
 */
export function unpackedGuest() {
  if (!guestIsUnpacked()) throw new Error('the kernel of the virtual machine is missing; run: npm run setup vm');
  const [release = ''] = readdirSync(join(FOLDER, 'lib', 'modules'));
  return {
    kernel: join(FOLDER, 'boot', `vmlinuz-${release}`),
    busybox: join(FOLDER, 'bin', 'busybox'),
    modules: join(FOLDER, 'lib', 'modules', release),
    release,
  };
}

/**
 * Downloads the packages with apt and unpacks them. Needs no root, only apt's lists.
 * @throws {SetupError} GUEST_FAILED
 */
export async function unpackGuest() {
  mkdirSync(dirname(FOLDER), { recursive: true });
  const folder = mkdtempSync(`${FOLDER}-`);
  const run = async (/** @type {string} */ command, /** @type {string[]} */ ...args) => {
    const { status, output } = await runCaptured(command, args, { cwd: folder });
    if (status === 0) return output;
    const text = `${[command, ...args].join(' ')} failed:\n${output.trimEnd()}`;
    throw new SetupError('GUEST_FAILED', `the kernel of the virtual machine could not be fetched: ${text}`);
  };
  try {
    // apt's lists may be missing or of yesterday; without root they are taken as they are.
    if (process.getuid?.() === 0) await runCaptured('apt-get', ['update']);
    const about = await run('apt-cache', 'show', '--no-all-versions', KERNEL);
    const [, image = KERNEL] = /^Depends: (linux-image-\S+)/m.exec(about) ?? [];
    await run('apt-get', 'download', image, PROGRAMS);
    for (const archive of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', '--extract', archive, '.');
      rmSync(join(folder, archive));
    }
    const [release = ''] = readdirSync(join(folder, 'lib', 'modules'));
    await run('./bin/busybox', 'depmod', '-b', '.', release);
    writeFileSync(join(folder, COMPLETE), `${image}\n`);
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(folder, FOLDER);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Files of kernel modules and of all that they need, in the order in which they can be loaded.
 * @param {string} modules The folder with modules.dep.
 * @param {readonly string[]} names
 * @returns {string[]}
 */
export function moduleFiles(modules, names) {
  const needs = new Map(
    readFileSync(join(modules, 'modules.dep'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [path = '', ...dependencies] = line
          .replace(':', ' ')
          .split(/\s+/)
          .filter((word) => word !== '');
        return [path, dependencies];
      }),
  );
  /** @type {Set<string>} */
  const order = new Set();
  const add = (/** @type {string} */ path) => {
    if (order.has(path)) return;
    // The last of a line is what the others need.
    for (const dependency of [...(needs.get(path) ?? [])].reverse()) add(dependency);
    order.add(path);
  };
  for (const name of names) {
    const path = [...needs.keys()].find((own) => own.endsWith(`/${name}.ko`));
    if (path === undefined) throw new Error(`the kernel of the virtual machine has no module ${name}`);
    add(path);
  }
  return [...order].map((path) => join(modules, path));
}
