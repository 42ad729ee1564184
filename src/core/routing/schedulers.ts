import type { SchedulerName } from '../config.js';
import { EarliestScheduler } from './earliest.js';
import { PaperScheduler } from './paper.js';
import type { Scheduler } from './scheduler.js';

/** @param seed for schedulers that choose at random */
export function makeScheduler(name: SchedulerName, seed: number): Scheduler {
  switch (name) {
    case 'paper':
      return new PaperScheduler(seed);
    case 'earliest':
      return new EarliestScheduler();
  }
}
