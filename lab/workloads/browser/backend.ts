import { LabError } from '../../error.js';
import type { Lab } from '../../running/lab.js';

/** Throws LabError (E_LAB_SCENARIO) where browsers do not run. */
export function requireNamespaces(lab: Lab): void {
  if (lab.record.backend !== 'netns') {
    throw new LabError('E_LAB_SCENARIO', 'browsers run in labs of network namespaces only: --backend netns');
  }
}
