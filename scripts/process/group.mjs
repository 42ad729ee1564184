import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * A child process that leads a process group of its own, so that a signal reaches it and all that it started, and nothing else.
 * @typedef {object} ProcessGroup
 * @property {import('node:child_process').ChildProcess} leader
 * @property {Promise<Ending>} ended Resolves when the leader has ended; never rejects.
 * @property {(signal: NodeJS.Signals) => void} signalLeader
 * @property {(signal: NodeJS.Signals) => void} signalAll The leader and what it left behind; nothing if all are gone.
 */

/** @typedef {{ status: number | null, signal: NodeJS.Signals | null, error?: Error }} Ending */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {ProcessGroup}
 */
export function startGroup(command, args, options = {}) {
  const leader = spawn(command, args, { ...options, detached: true });
  /** @type {Promise<Ending>} */
  const ended = new Promise((resolve) => {
    leader.once('error', (error) => resolve({ status: null, signal: null, error }));
    leader.once('exit', (status, signal) => resolve({ status, signal }));
  });
  return {
    leader,
    ended,
    signalLeader: (signal) => void leader.kill(signal),
    signalAll: (signal) => {
      if (leader.pid === undefined) return;
      try {
        process.kill(-leader.pid, signal);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    },
  };
}

const RELAYED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/** Ctrl-C under npm arrives twice, from the terminal and from npm: what comes this soon after (ms) is the same request. */
const ECHO_MS = 500;

/**
 * Passes the signals that ask this process to stop on to `receive`, each request once, until the returned function is called.
 * @param {(signal: NodeJS.Signals) => void} receive
 * @returns {() => void}
 */
export function relaySignals(receive) {
  let last = Number.NEGATIVE_INFINITY;
  const handle = (/** @type {NodeJS.Signals} */ signal) => {
    const now = performance.now();
    if (now - last < ECHO_MS) return;
    last = now;
    receive(signal);
  };
  for (const signal of RELAYED) process.on(signal, handle);
  return () => {
    for (const signal of RELAYED) process.off(signal, handle);
  };
}

/**
 * The exit status that a shell would report for an ending.
 * @param {Ending} ending
 */
export function shellStatus({ status, signal, error }) {
  if (error !== undefined) return 127;
  if (signal !== null) return 128 + constants.signals[signal];
  return status ?? 1;
}
