import type { InterfaceFilter } from '../config.js';

/** Whether paths may start from this interface: named by `include` (empty = all) and not by `exclude`. */
export function isIncluded(filter: InterfaceFilter, name: string): boolean {
  const { include, exclude } = filter;
  return (include.length === 0 || matchesAny(include, name)) && !matchesAny(exclude, name);
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => expression(pattern).test(name));
}

/** `*` stands for any characters, `?` for one. */
function expression(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
