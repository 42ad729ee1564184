import type { Experiment } from '../lab/experiment/experiment.js';
import type { Study } from '../lab/experiment/study.js';
import { fig4a } from './fig4a.js';
import { scale } from './scale/scale.js';

/** All experiments, in the order of the paper. */
export const EXPERIMENTS: readonly Experiment[] = [fig4a];

/** Those that carry themselves out. */
export const STUDIES: readonly Study[] = [scale];
