/** Runs a scenario. */
import { runTrials, type TrialsRun } from '../experiment/run-trials.js';
import type { ResultDocument } from '../results/document.js';
import type { Scenario } from './scenario.js';
import { type TrialOptions, trialsOf } from './trials.js';

export type ScenarioRun = TrialOptions & TrialsRun;

/**
 * Runs all arms of all combinations, each in a lab of its own, and checks the claims: a document for each combination, in their order. A claim that
 * does not hold is part of its document and no failure. Throws as `trialsOf` and `runTrials` do; whatever happens, no lab is left.
 */
export function runScenario(scenario: Scenario, run: ScenarioRun = {}): Promise<ResultDocument[]> {
  return runTrials(trialsOf(scenario, run), run);
}
