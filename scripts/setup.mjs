import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, buildObstacle } from './build.mjs';
import { isMain } from './process/main.mjs';
import { SetupError } from './setup/error.mjs';
import { addAdministrationPath } from './setup/executable.mjs';
import { FEATURES, isFeature, missingRequirements } from './setup/features.mjs';
import { acquireLock } from './setup/lock.mjs';
import { installModules, modulesObstacle } from './setup/modules.mjs';
import { installObstacle, installPackages, manualInstructions } from './setup/packages.mjs';

/** The checkout that this file belongs to. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** `styleText`, `parseEnv` and stable abstract sockets: the oldest release that the project is tested with. */
const OLDEST_NODE = [20, 12];

/**
 * Makes the checkout ready to run: system packages for the features in `need`, node_modules, dist. Uses nothing but Node's own
 * modules, does only what is missing, and is silent when nothing is.
 *
 * With `optional`, system packages that cannot be installed are returned and do not stop the set-up.
 * @param {{ need?: readonly import('./setup/features.mjs').Feature[], optional?: boolean, quiet?: boolean }} options
 * @returns {Promise<{ missing: import('./setup/features.mjs').Requirement[] }>} What the machine still lacks.
 * @throws {SetupError}
 */
export async function setup({ need = [], optional = false, quiet = false } = {}) {
  requireNode(process.versions.node);
  addAdministrationPath();
  const say = (/** @type {string} */ line) => {
    if (!quiet) console.error(`set-up: ${line}`);
  };
  if (isReady(need)) return { missing: [] };
  const obstacle = installObstacle();
  const byHand = missingRequirements(need).filter(({ provide }) => provide === undefined);
  if (optional && obstacle !== undefined && byHand.length > 0) say(manualInstructions(byHand, obstacle));
  const lock = await acquireLock(ROOT, () => say('waiting for another set-up of this checkout'));
  try {
    let missing = missingRequirements(need);
    const packages = missing.filter(({ provide }) => provide === undefined);
    if (packages.length > 0 && (!optional || obstacle === undefined)) {
      await installPackages(packages, say);
      missing = missing.filter((requirement) => !packages.includes(requirement));
    }
    missing = await provideRest(missing, optional, say);
    const modules = modulesObstacle(ROOT);
    if (modules !== undefined) {
      say(`installing node packages (${modules})`);
      await installModules(ROOT);
    }
    const stale = buildObstacle(ROOT);
    if (stale !== undefined) {
      say(`building (${stale})`);
      const result = await build(ROOT);
      if (!result.ok) throw new SetupError('BUILD_FAILED', `the build failed:\n${result.output.trimEnd()}`);
    }
    return { missing };
  } finally {
    await lock.release();
  }
}

/**
 * Requirements that are no installed packages. With `optional`, those that cannot be provided are told and stay missing.
 * @param {readonly import('./setup/features.mjs').Requirement[]} missing
 * @param {boolean} optional
 * @param {(line: string) => void} say
 * @returns {Promise<import('./setup/features.mjs').Requirement[]>} Those that stay missing.
 * @throws {SetupError}
 */
async function provideRest(missing, optional, say) {
  const rest = [];
  for (const requirement of missing) {
    try {
      if (requirement.provide !== undefined) say(`fetching ${requirement.what} (${requirement.purpose})`);
      if (requirement.provide === undefined) rest.push(requirement);
      else await requirement.provide();
    } catch (error) {
      if (!optional || !(error instanceof SetupError)) throw error;
      say(error.message);
      rest.push(requirement);
    }
  }
  return rest;
}

/** @param {readonly import('./setup/features.mjs').Feature[]} need */
function isReady(need) {
  return (
    missingRequirements(need).length === 0 && modulesObstacle(ROOT) === undefined && buildObstacle(ROOT) === undefined
  );
}

/**
 * @param {string} version Such as 20.12.0.
 * @throws {SetupError} NODE_TOO_OLD
 */
export function requireNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    'NODE_TOO_OLD',
    `Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${version} (${process.execPath})`,
  );
}

/**
 * Sets up, or says on stderr why not and ends this process with the status of the cause.
 * @param {Parameters<typeof setup>[0]} options
 */
export async function setupOrExit(options) {
  try {
    return await setup(options);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`set-up: ${error.message}`);
    process.exit(error.exitStatus);
  }
}

if (isMain(import.meta.url)) {
  const names = process.argv.slice(2).filter((argument) => argument !== '--quiet');
  const unknown = names.filter((name) => !isFeature(name));
  if (unknown.length > 0) {
    console.error(`set-up: no feature ${unknown.join(', ')}; there are ${Object.keys(FEATURES).join(', ')}`);
    process.exit(2);
  }
  const need = names.length > 0 ? names.filter(isFeature) : /** @type {const} */ (['lab', 'mptcp', 'figures']);
  await setupOrExit({ need, quiet: process.argv.includes('--quiet') });
}
