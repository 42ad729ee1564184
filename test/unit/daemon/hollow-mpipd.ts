import { runDaemon } from '../../../src/daemon/command.js';
import type { RunningDataPlane } from '../../../src/daemon/daemon.js';
import { status } from './status.fixture.js';

/** Holds the process, as the thread of the real one does. */
const alive = setInterval(() => {}, 1000);

const hollow: RunningDataPlane = {
  status: async () => ({ ...status, io: {} }),
  setRules: async () => {},
  setLogLevel: () => {},
  onLog: () => {},
  onFailure: (listener) => void process.on('SIGUSR2', () => listener(new Error('as asked for'))),
  [Symbol.asyncDispose]: async () => clearInterval(alive),
};

process.exitCode = await runDaemon(process.argv.slice(2), async () => hollow);
clearInterval(alive);
