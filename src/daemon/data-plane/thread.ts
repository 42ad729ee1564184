import { Worker } from 'node:worker_threads';
import type { WorkerStart } from './protocol.js';

const NAME = 'mpip-data-plane';

/** Starts the data-plane thread, compiled or, in tests and development, from its source. */
export function startThread(workerData: WorkerStart): Worker {
  const options = { workerData, name: NAME };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  // A thread does not inherit the loader of the main thread (Node 20), so it registers one of its own.
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}); });`;
  return new Worker(code, { ...options, eval: true });
}
