import { closeSync, constants, openSync } from 'node:fs';
import { runCaptured } from '../process/captured.mjs';

/**
 * Why network tests cannot run here: one reason each, none when they can. Finds out by making a namespace with a TUN
 * device in it and removing it again.
 * @returns {Promise<string[]>}
 */
export async function networkObstacles() {
  if (process.getuid?.() !== 0) return ['root'];
  const device = openObstacle('/dev/net/tun');
  if (device !== undefined) return [device];
  const name = `mpip-probe-${process.pid}`;
  const added = await runCaptured('ip', ['netns', 'add', name]);
  if (added.status !== 0) return [`network namespaces (${lastLine(added.output)})`];
  try {
    const tun = await runCaptured('ip', ['-n', name, 'tuntap', 'add', 'mode', 'tun', 'name', 'probe']);
    if (tun.status !== 0) return [`TUN devices (${lastLine(tun.output)})`];
    const link = await runCaptured('ip', ['-n', name, 'link', 'add', 'end1', 'type', 'veth', 'peer', 'name', 'end2']);
    if (link.status !== 0) return [`veth links (${lastLine(link.output)})`];
    return [];
  } finally {
    await runCaptured('ip', ['netns', 'delete', name]);
  }
}

/** @param {string} path */
function openObstacle(path) {
  try {
    closeSync(openSync(path, constants.O_RDWR));
    return undefined;
  } catch (error) {
    return `${path} (${error instanceof Error && 'code' in error ? error.code : error})`;
  }
}

/** @param {string} output */
function lastLine(output) {
  return output.trim().split('\n').at(-1) ?? '';
}
