/** How a run shows that it is going on: tasks with live rates on a terminal, log lines elsewhere. */
import { Listr, type ListrTaskWrapper } from 'listr2';
import type { Arm } from '../experiment/experiment.js';
import type { LiveRates } from '../experiment/run-arm.js';
import type { RunObserver } from '../experiment/run-trials.js';
import type { ArmResult } from '../results/document.js';

export interface Progress {
  readonly observer: RunObserver;
  /** Resolves when the display is finished. */
  done(): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** Log lines show rates this often. */
const LOG_PERIOD_SECONDS = 5;

/** One line of stderr for each step, and for the rates every few seconds. */
export function logProgress(title: string, duration: number): Progress {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  let next = 0;
  log(title);
  return {
    observer: {
      armStarts: () => {
        next = LOG_PERIOD_SECONDS;
      },
      step: (arm, step) => log(`  ${arm.label}: ${step}`),
      live: (arm, live) => {
        if (live.elapsed < next || live.elapsed > duration) return;
        next += LOG_PERIOD_SECONDS;
        log(`  ${arm.label}: ${rates(live, duration)}`);
      },
      armEnds: (arm, result) => log(`  ${arm.label}: ${goodputs(result) || 'done'}`),
    },
    done: async () => {},
    fail: async () => {},
  };
}

/** A task for each arm, with what it is doing and the rates of its links below. */
export function taskProgress(title: string, arms: readonly Arm[], duration: number): Progress {
  const settled = new Map(arms.map(({ id }) => [id, deferred()] as const));
  const tasks = new Map<string, ListrTaskWrapper<unknown, never, never>>();
  const list = new Listr(
    arms.map((arm) => ({
      title: arm.label,
      task: (_: unknown, task: unknown) => {
        tasks.set(arm.id, task as ListrTaskWrapper<unknown, never, never>);
        return settled.get(arm.id)!.promise;
      },
    })),
    { concurrent: false, exitOnError: true, registerSignalListeners: false },
  );
  process.stdout.write(`${title}\n`);
  const shown = list.run().catch(() => {});
  const say = (arm: Arm, text: string): void => {
    const task = tasks.get(arm.id);
    if (task !== undefined) task.output = text;
  };
  return {
    observer: {
      step: (arm, step) => say(arm, step),
      setUp: (arm, part) => say(arm, `bringing the lab up: ${part}`),
      live: (arm, live) => say(arm, rates(live, duration)),
      armEnds: (arm, result) => {
        const task = tasks.get(arm.id);
        if (task !== undefined) task.title = `${arm.label}: ${goodputs(result)}`;
        settled.get(arm.id)!.resolve();
      },
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

function rates({ elapsed, links }: LiveRates, duration: number): string {
  const total = links.reduce((sum, { rate }) => sum + rate, 0);
  const each = [...links, { link: 'total', rate: total }].map(({ link, rate }) => `${link} ${mbit(rate)}`);
  const of = Number.isFinite(duration) ? `/${duration}` : '';
  return `${Math.min(elapsed, duration).toFixed(0)}${of} s  ${each.join('  ')} Mbit/s`;
}

function goodputs({ metrics }: ArmResult): string {
  return Object.entries(metrics)
    .filter(([name]) => name.endsWith('.goodput_bps'))
    .map(([name, value]) => `${name.slice(0, -'.goodput_bps'.length)} ${mbit(value)} Mbit/s`)
    .join(', ');
}

function mbit(rate: number): string {
  return (rate / 1e6).toFixed(1);
}
