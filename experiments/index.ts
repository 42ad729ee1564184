import type { Experiment } from '../lab/experiment/experiment.js';
import type { Study } from '../lab/experiment/study.js';
import { fig4a } from './fig4a.js';
import { scale } from './scale/scale.js';

/** Scenario files that are called by name, beside this file. */
export const SCENARIOS: Readonly<Record<string, URL>> = Object.fromEntries(
  ['fig4b', 'fig4c', 'fig4c-sweep', 'fig4d', 'fig5a', 'fig5b', 'fig5c', 'fig7', 'fig8', 'fig9', 'rtc-loss'].map(
    (id) => [id, new URL(`${id}.yaml`, import.meta.url)],
  ),
);

/** Names for several experiments. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'paper-tcp': ['fig4a', 'fig4b', 'fig4c', 'fig4c-sweep', 'fig4d', 'fig9'],
  'paper-rtc': ['fig5a', 'fig5b', 'fig5c'],
  'paper-video': ['fig7', 'fig8'],
  // One call, two panels of the paper.
  fig5d: ['fig5c'],
};

/** All experiments in code, in the order of the paper. */
export const EXPERIMENTS: readonly Experiment[] = [fig4a];

/** Those that carry themselves out. */
export const STUDIES: readonly Study[] = [scale];
