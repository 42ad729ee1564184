import type { Path } from '../tables/paths.js';

/**
 * Puts `count` of the paths first that share as few NICs with each other as there are, the rest behind them, each part in the order that it was in. Exact
 * for two; more are added one by one, for each path that may be the first of them.
 */
export function disjointFirst(paths: readonly Path[], count: number): Path[] {
  let best: readonly Path[] = paths.slice(0, count);
  let bestShared = sharedNics(best);
  for (let first = 0; first < paths.length && bestShared > 0; first++) {
    const chosen = extend(paths, first, count);
    const shared = sharedNics(chosen);
    if (shared < bestShared) {
      best = chosen;
      bestShared = shared;
    }
  }
  const chosen = new Set(best);
  return [...paths.filter((path) => chosen.has(path)), ...paths.filter((path) => !chosen.has(path))];
}

/** Those of the paths that share the fewest NICs with `failed`: what made it fall silent may be one of its NICs. */
export function furthestFrom(failed: Path, paths: readonly Path[]): readonly Path[] {
  const least = Math.min(...paths.map((path) => path.nicsSharedWith(failed)));
  return paths.filter((path) => path.nicsSharedWith(failed) === least);
}

/** Starts with one path and adds the one, again and again, that shares the fewest NICs with those that are there. */
function extend(paths: readonly Path[], first: number, count: number): Path[] {
  const chosen = [paths[first]];
  while (chosen.length < count) {
    let next: Path | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const path of paths) {
      if (chosen.includes(path)) continue;
      const shared = chosen.reduce((sum, other) => sum + path.nicsSharedWith(other), 0);
      if (shared < least) {
        next = path;
        least = shared;
      }
    }
    if (next === undefined) break;
    chosen.push(next);
  }
  return chosen;
}

function sharedNics(paths: readonly Path[]): number {
  return paths.reduce(
    (sum, path, i) => sum + paths.slice(0, i).reduce((shared, other) => shared + path.nicsSharedWith(other), 0),
    0,
  );
}
