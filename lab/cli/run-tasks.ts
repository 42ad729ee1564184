/** A run on a terminal: a task for each arm, with what it is doing and the rates of its links below. */
import { Listr, type ListrTaskWrapper } from 'listr2';
import { goodputs, type Progress, rates } from './run-progress.js';

export interface ProgressRow {
  readonly key: string;
  readonly title: string;
  /** Seconds; Infinity = until its workloads are done. */
  readonly duration: number;
}

/** `jobs`: arms that run at a time, in the order of the rows. */
export function taskProgress(title: string, rows: readonly ProgressRow[], jobs: number): Progress {
  const settled = new Map(rows.map(({ key }) => [key, deferred()] as const));
  const tasks = new Map<string, ListrTaskWrapper<unknown, never, never>>();
  const list = new Listr(
    rows.map(({ key, title: text }) => ({
      title: text,
      task: (_: unknown, task: unknown) => {
        tasks.set(key, task as ListrTaskWrapper<unknown, never, never>);
        return settled.get(key)!.promise;
      },
    })),
    { concurrent: jobs === 1 ? false : jobs, exitOnError: true, registerSignalListeners: false },
  );
  process.stdout.write(`${title}\n`);
  const shown = list.run().catch(() => {});
  return {
    observerOf: (key) => {
      const row = rows.find((own) => own.key === key)!;
      const say = (text: string): void => {
        const task = tasks.get(key);
        if (task !== undefined) task.output = text;
      };
      return {
        step: (_, step) => say(step),
        setUp: (_, part) => say(`bringing the lab up: ${part}`),
        live: (_, live) => say(rates(live, row.duration)),
        armEnds: (_, result) => {
          const task = tasks.get(key);
          const carried = goodputs(result);
          if (task !== undefined && carried !== '') task.title = `${row.title}: ${carried}`;
          settled.get(key)!.resolve();
        },
      };
    },
    done: async () => {
      await shown;
    },
    fail: async (error) => {
      for (const { reject, promise } of settled.values()) {
        promise.catch(() => {});
        reject(error);
      }
      await shown;
    },
  };
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function deferred(): Deferred {
  let settle: Pick<Deferred, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}
