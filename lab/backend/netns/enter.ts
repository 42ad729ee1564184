/** Network namespaces by name, as ip-netns(8) keeps them. */
import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import koffi from 'koffi';
import { LabError } from '../../error.js';

const DIRECTORY = '/run/netns';
/** linux/sched.h */
const CLONE_NEWNET = 0x40000000;
/** linux/magic.h */
const NSFS_MAGIC = 0x6e736673;

function namespacePath(name: string): string {
  return `${DIRECTORY}/${name}`;
}

/** What stands under a name: nothing, a namespace, or the empty file of one that was only half made or half removed. */
export type NamespaceFile =
  | { readonly kind: 'absent' }
  | { readonly kind: 'file' }
  | { readonly kind: 'namespace'; readonly inode: number };

export function namespaceFile(name: string): NamespaceFile {
  const path = namespacePath(name);
  try {
    if (statfsSync(path).type !== NSFS_MAGIC) return { kind: 'file' };
    return { kind: 'namespace', inode: statSync(path).ino };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'absent' };
    throw error;
  }
}

let setns: ((descriptor: number, type: number) => number) | undefined;

/**
 * Runs a synchronous function while the calling thread is in a namespace; what it opens (sockets, /proc/thread-self/net, /proc/sys/net)
 * belongs to that namespace. Needs CAP_SYS_ADMIN. Throws LabError (E_LAB_NAMESPACE).
 */
export function inNamespace<T>(name: string, action: () => T): T {
  setns ??= koffi.load(null).func('int setns(int, int)') as (descriptor: number, type: number) => number;
  const enter = (descriptor: number): void => {
    if (setns?.(descriptor, CLONE_NEWNET) === 0) return;
    throw new LabError('E_LAB_NAMESPACE', `setns to network namespace ${name} failed with errno ${koffi.errno()}`);
  };
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = openSync(namespacePath(name), 'r');
    try {
      enter(target);
      try {
        return action();
      } finally {
        enter(home);
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(home);
  }
}
