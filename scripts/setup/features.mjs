import { existsSync } from 'node:fs';
import { findExecutable } from './executable.mjs';

/**
 * Something that a part of the project needs from the machine, and the Debian package that brings it.
 * @typedef {{ what: string, package: string, purpose: string, present: () => boolean }} Requirement
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
  browser: [
    command('chromium', 'chromium', 'plays WebRTC calls and adaptive video'),
    command('ffmpeg', 'ffmpeg', 'makes pictures for calls'),
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
