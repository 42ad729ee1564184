import { runCaptured } from '../process/captured.mjs';
import { SetupError } from './error.mjs';
import { findExecutable } from './executable.mjs';

/** @typedef {import('./features.mjs').Requirement} Requirement */

const APT_INSTALL = ['install', '-y', '--no-install-recommends'];

/** Another apt run on the machine is waited for, and no package (iperf3 has a question) may ask anything. */
const APT_UNATTENDED = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0'];
const APT_ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' };

/** @param {readonly Requirement[]} missing */
export function packagesOf(missing) {
  return [...new Set(missing.map((requirement) => requirement.package))];
}

/**
 * One line a package: its name, what it brings and what for.
 * @param {readonly Requirement[]} missing
 */
export function describePackages(missing) {
  return packagesOf(missing).map((name) => {
    const reasons = missing.filter((requirement) => requirement.package === name);
    return `${name} (${reasons.map(({ what, purpose }) => `${what} ${purpose}`).join('; ')})`;
  });
}

/**
 * The commands with which an administrator installs what is missing.
 * @param {readonly Requirement[]} missing
 */
export function installCommands(missing) {
  return ['sudo apt-get update', `sudo apt-get ${APT_INSTALL.join(' ')} ${packagesOf(missing).join(' ')}`];
}

/** Why packages cannot be installed from here, or undefined when they can. */
export function installObstacle() {
  if (findExecutable('apt-get') === undefined) return 'this system has no apt-get';
  if (process.getuid?.() !== 0) return 'installing needs root';
  return undefined;
}

/**
 * What to tell who has to install by hand.
 * @param {readonly Requirement[]} missing
 * @param {string} obstacle
 */
export function manualInstructions(missing, obstacle) {
  const commands = installCommands(missing).map((line) => `  ${line}`);
  const lead = obstacle.includes('apt-get')
    ? 'Install the same commands with this system’s package manager; on Debian or Ubuntu it would be:'
    : 'Run:';
  return [`missing, and ${obstacle}:`, ...describePackages(missing).map((line) => `  ${line}`), lead, ...commands].join(
    '\n',
  );
}

/**
 * Installs the packages of the missing requirements, and only those.
 * @param {readonly Requirement[]} missing
 * @param {(line: string) => void} say
 * @throws {SetupError} PACKAGES_MISSING without root or apt, PACKAGES_FAILED when apt fails.
 */
export async function installPackages(missing, say) {
  const obstacle = installObstacle();
  if (obstacle !== undefined) throw new SetupError('PACKAGES_MISSING', manualInstructions(missing, obstacle));
  for (const line of describePackages(missing)) say(`installing ${line}`);
  const env = { ...process.env, ...APT_ENVIRONMENT };
  // A failed update (one source of several is down) matters only if the install fails too.
  const update = await runCaptured('apt-get', [...APT_UNATTENDED, 'update'], { env });
  const install = await runCaptured('apt-get', [...APT_UNATTENDED, ...APT_INSTALL, ...packagesOf(missing)], { env });
  const absent = missing.filter((requirement) => !requirement.present());
  if (install.status === 0 && absent.length === 0) return;
  const output = `${update.status === 0 ? '' : update.output}${install.output}`.trimEnd();
  const found = absent.map(({ what }) => what).join(', ');
  const cause = install.status === 0 ? `installed, but still not found: ${found}` : output;
  throw new SetupError(
    'PACKAGES_FAILED',
    `apt-get could not install ${packagesOf(missing).join(' ')}:\n${cause}\nTo try by hand:\n${installCommands(missing)
      .map((line) => `  ${line}`)
      .join('\n')}`,
  );
}
