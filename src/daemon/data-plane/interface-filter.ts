import { matchesAny } from '../../core/interface-pattern.js';
import type { InterfaceFilter } from '../config.js';

/** Whether paths may start from this interface: named by `include` (empty = all) and not by `exclude`. */
export function isIncluded(filter: InterfaceFilter, name: string): boolean {
  const { include, exclude } = filter;
  return (include.length === 0 || matchesAny(include, name)) && !matchesAny(exclude, name);
}
