import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCaptured } from './process/captured.mjs';
import { isMain } from './process/main.mjs';

/** What tsconfig.build.json compiles, and what else decides the result. */
const SOURCE_FOLDERS = ['src', 'lab', 'experiments'];
const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];
const OUTPUT = 'dist';
const STAMP = join(OUTPUT, '.built-from');
const COMPILED = /\.(?:js|js\.map|d\.ts)$/;
/** Files beside the sources that are not for the program. */
const NOT_NEEDED = /\.md$/;

/**
 * Files below a folder, sorted, as paths relative to `root`.
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(root, folder) {
  const absolute = join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/**
 * TypeScript, and data that the code reads beside itself (topologies, traces).
 * @param {string} root
 */
function sourceFiles(root) {
  return SOURCE_FOLDERS.flatMap((folder) => filesBelow(root, folder)).filter((path) => !NOT_NEEDED.test(path));
}

/**
 * Changes when any source is edited, added, removed or put back to an older version.
 * @param {string} root
 */
export function sourceFingerprint(root) {
  const hash = createHash('sha256');
  for (const path of [...sourceFiles(root), ...SETTINGS]) {
    const status = statSync(join(root, path), { throwIfNoEntry: false });
    if (status !== undefined) hash.update(`${path}\0${status.size}\0${status.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/**
 * Why a build is needed, or undefined when dist is as the sources say.
 * @param {string} root
 */
export function buildObstacle(root) {
  const stamp = join(root, STAMP);
  if (!existsSync(stamp)) return 'not built yet';
  return readFileSync(stamp, 'utf8') === sourceFingerprint(root) ? undefined : 'sources changed';
}

/**
 * Compiles the sources into dist and copies their data. The result is stamped with the sources as they were before the compiler read them, so an edit
 * during the build makes the next one run.
 * @param {string} root
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function build(root) {
  const fingerprint = sourceFingerprint(root);
  rmSync(join(root, STAMP), { force: true });
  removeOrphans(root);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = await runCaptured(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root });
  if (result.status !== 0) return { ok: false, output: result.output };
  copyData(root);
  makeExecutable(root);
  writeFileSync(join(root, STAMP), fingerprint);
  return { ok: true, output: result.output };
}

/**
 * Removes what an earlier build wrote for a source that is gone: the compiler never does.
 * @param {string} root
 */
function removeOrphans(root) {
  const sources = new Set(sourceFiles(root));
  for (const path of SOURCE_FOLDERS.flatMap((folder) => filesBelow(root, join(OUTPUT, folder)))) {
    const copied = relative(OUTPUT, path);
    if (!sources.has(copied) && !sources.has(copied.replace(COMPILED, '.ts'))) rmSync(join(root, path));
  }
}

/** @param {string} root */
function copyData(root) {
  for (const path of sourceFiles(root).filter((name) => !name.endsWith('.ts'))) {
    mkdirSync(dirname(join(root, OUTPUT, path)), { recursive: true });
    copyFileSync(join(root, path), join(root, OUTPUT, path));
  }
}

/** @param {string} root */
function makeExecutable(root) {
  /** @type {Record<string, string>} */
  const commands = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).bin ?? {};
  for (const path of Object.values(commands)) {
    if (existsSync(join(root, path))) chmodSync(join(root, path), 0o755);
  }
}

if (isMain(import.meta.url)) {
  const result = await build(dirname(dirname(fileURLToPath(import.meta.url))));
  process.stdout.write(result.output);
  process.exitCode = result.ok ? 0 : 1;
}
