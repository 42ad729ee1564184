import type { Arm } from '../experiment/experiment.js';

/** The arm whose limit is `limit` in claims: the first with MPIP, else the first. */
export function subjectOf(arms: readonly Arm[]): Arm | null {
  return arms.find(({ mpip }) => mpip) ?? arms[0] ?? null;
}
