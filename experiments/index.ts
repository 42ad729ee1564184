import type { Experiment } from '../lab/experiment/experiment.js';
import { fig4a } from './fig4a.js';

/** All experiments, in the order of the paper. */
export const EXPERIMENTS: readonly Experiment[] = [fig4a];
