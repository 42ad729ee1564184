/** How a run shows that it is going on: log lines here, tasks with live rates on a terminal (run-tasks.ts). */
import type { LiveRates } from '../experiment/run-arm.js';
import type { RunObserver } from '../experiment/run-trials.js';
import type { ArmResult } from '../results/document.js';

export interface Progress {
  /** Follows one arm; `row` is its key. */
  observerOf(row: string): RunObserver;
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
  const observer: RunObserver = {
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
  };
  return {
    observerOf: () => observer,
    done: async () => {},
    fail: async () => {},
  };
}

export function rates({ elapsed, links }: LiveRates, duration: number): string {
  const total = links.reduce((sum, { rate }) => sum + rate, 0);
  const each = [...links, { link: 'total', rate: total }].map(({ link, rate }) => `${link} ${mbit(rate)}`);
  const of = Number.isFinite(duration) ? `/${duration}` : '';
  return `${Math.min(elapsed, duration).toFixed(0)}${of} s  ${each.join('  ')} Mbit/s`;
}

export function goodputs({ metrics }: ArmResult): string {
  return Object.entries(metrics)
    .filter(([name]) => name.endsWith('.goodput_bps'))
    .map(([name, value]) => `${name.slice(0, -'.goodput_bps'.length)} ${mbit(value)} Mbit/s`)
    .join(', ');
}

function mbit(rate: number): string {
  return (rate / 1e6).toFixed(1);
}
