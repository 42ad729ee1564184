import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';

/**
 * Holds the only set-up of a checkout. An abstract unix socket is the lock: the kernel lets one process bind the name and
 * frees it however that process ends, so no lock file goes stale; those who wait are connected to it and see it close.
 * @param {string} root The checkout.
 * @param {() => void} onWait Called once if another process holds the lock.
 * @returns {Promise<{ release: () => Promise<void> }>}
 */
export async function acquireLock(root, onWait = () => {}) {
  const name = `\0mpip-setup-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 32)}`;
  let waited = false;
  for (;;) {
    const held = await tryBind(name);
    if (held !== undefined) return held;
    if (!waited) onWait();
    waited = true;
    await holderGone(name);
  }
}

/**
 * @param {string} name
 * @returns {Promise<{ release: () => Promise<void> } | undefined>}
 */
function tryBind(name) {
  return new Promise((resolve, reject) => {
    /** @type {Set<import('node:net').Socket>} */
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => waiting.delete(socket));
    });
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      resolve({
        release: () =>
          new Promise((released) => {
            server.close(() => released());
            for (const socket of waiting) socket.destroy();
          }),
      });
    });
  });
}

/**
 * Resolves when the holder's end of a connection closes, at once when there is no holder any more.
 * @param {string} name
 * @returns {Promise<void>}
 */
function holderGone(name) {
  return new Promise((resolve) => {
    const socket = connect(name);
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}
