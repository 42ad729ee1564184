import { existsSync, readFileSync } from 'node:fs';
import { findExecutable } from './executable.mjs';
import { GUEST_PACKAGES, guestIsUnpacked, SHARING_PROGRAMS, unpackGuest } from './guest.mjs';

/**
 * Something that a part of the project needs from the machine, and the Debian package that brings it. One with `provide` is not
 * installed: that puts it below the checkout, and throws a SetupError when it cannot.
 * @typedef {{ what: string, package: string, purpose: string, present: () => boolean, provide?: () => Promise<void> }} Requirement
 */

/**
 * @param {string} name
 * @param {string} debianPackage
 * @param {string} purpose
 * @returns {Requirement}
 */
function command(name, debianPackage, purpose) {
  return { what: name, package: debianPackage, purpose, present: () => findExecutable(name) !== undefined };
}

/**
 * @param {string} path
 * @param {string} debianPackage
 * @param {string} purpose
 * @returns {Requirement}
 */
function file(path, debianPackage, purpose) {
  return { what: path, package: debianPackage, purpose, present: () => existsSync(path) };
}

/** The daemon that shows a folder of this machine to a guest: a part of qemu until Debian 12, a package of its own since. */
function sharing() {
  const { VERSION_ID = '' } = osRelease();
  return {
    what: 'virtiofsd',
    package: Number.parseFloat(VERSION_ID) <= 12 ? 'qemu-system-common' : 'virtiofsd',
    purpose: 'shows the checkout to the virtual machine',
    present: () => SHARING_PROGRAMS.some((path) => existsSync(path)),
  };
}

/** @returns {Requirement} */
function guest() {
  return {
    what: "Debian's cloud kernel",
    package: GUEST_PACKAGES.join(' '),
    purpose: 'has netem; it is unpacked below the checkout, not installed',
    present: guestIsUnpacked,
    provide: unpackGuest,
  };
}

/** @returns {Record<string, string>} os-release(5) */
function osRelease() {
  if (!existsSync('/etc/os-release')) return {};
  const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
  return Object.fromEntries(lines.map((line) => line.replaceAll('"', '').split('=', 2)));
}

/** What each feature needs. */
export const FEATURES = {
  lab: [
    command('ip', 'iproute2', 'makes namespaces, links and routes'),
    command('tc', 'iproute2', 'shapes links'),
    command('ss', 'iproute2', 'tells when a server listens'),
    command('sysctl', 'procps', 'sets kernel parameters of namespaces'),
    command('iperf3', 'iperf3', 'is the traffic that experiments measure'),
    command('ping', 'iputils-ping', 'measures round-trip times in scenarios'),
    command('nft', 'nftables', 'is the packet filter of routers'),
    command('iptables', 'iptables', 'is the address translation of routers'),
  ],
  mptcp: [command('mptcpize', 'mptcpize', 'runs programs over kernel MPTCP, the yardstick')],
  figures: [file('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', 'fonts-dejavu-core', 'is the font of the figures')],
  vm: [
    command('qemu-system-x86_64', 'qemu-system-x86', 'runs a kernel with netem, whatever kernel this machine has'),
    sharing(),
    guest(),
  ],
  browser: [
    command('chromium', 'chromium', 'plays WebRTC calls and adaptive video'),
    command('ffmpeg', 'ffmpeg', 'makes pictures for calls, and adaptive video'),
    command('squid', 'squid', 'is the proxy that adaptive video comes through'),
  ],
};

/** @typedef {keyof typeof FEATURES} Feature */

/**
 * @param {string} name
 * @returns {name is Feature}
 */
export function isFeature(name) {
  return Object.hasOwn(FEATURES, name);
}

/**
 * Requirements of the features that this machine does not meet.
 * @param {readonly Feature[]} features
 * @param {Record<string, readonly Requirement[]>} table
 * @returns {Requirement[]}
 */
export function missingRequirements(features, table = FEATURES) {
  return features.flatMap((feature) => table[feature] ?? []).filter((requirement) => !requirement.present());
}
