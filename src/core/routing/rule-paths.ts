import type { Path } from '../tables/paths.js';
import { disjointFirst, furthestFrom } from './disjoint.js';
import { type RoutingRule, selects, withoutBackups } from './rules.js';

/** Single-path changes to a faster path when that is faster by this much, us, ... */
const LEAST_GAIN_US = 2_000;
/** ... and by this share of the round trip, in two looks in a row: a short queue is no reason to move. */
const GAIN_SHARE = 0.1;
const LOOKS = 2;
/** A path that a bound shut out comes back once it is this much inside of the bound, or it would come and go. */
const RETURN_SHARE = 0.9;

/** What a rule makes of the paths to one peer. Looked at anew whenever the usable paths change, and each WEIGHT_INTERVAL_US. */
export class RulePaths {
  /**
   * Paths that packets of the rule may take, at least one while the peer has a usable path; the fastest first. Of protected-path those first that
   * take its copies: they share no NIC where that can be had, or one failure, or one queue, would take all copies.
   */
  paths: Path[] = [];
  /** The one of single-path mode. */
  current: Path | undefined;
  /** The paths that the selector took at the last look. */
  private selected: readonly Path[] = [];
  /** Paths that were there at the last look. */
  private known: readonly Path[] = [];
  private better: Path | undefined;
  private looks = 0;

  constructor(private readonly rule: RoutingRule) {}

  update(usable: readonly Path[]): void {
    const { select, mode } = this.rule;
    const before = this.selected;
    const isOut = (path: Path): boolean => this.known.includes(path) && !before.includes(path);
    const selected = usable.filter((path) => selects(select, path, isOut(path) ? RETURN_SHARE : 1));
    this.selected = selected;
    this.known = usable;
    const paths = [...withoutBackups(selected.length > 0 ? selected : usable)].sort(byDelay);
    this.paths = mode === 'protected-path' ? disjointFirst(paths, this.rule.copies) : paths;
    if (mode === 'single-path') this.choose();
  }

  private choose(): void {
    const fastest = this.paths[0];
    const { current } = this;
    if (current === undefined || !this.paths.includes(current)) {
      const hasFailed = current !== undefined && current.state !== 'live';
      this.current = hasFailed ? furthestFrom(current, this.paths)[0] : fastest;
      this.looks = 0;
      return;
    }
    const gain = current.delay.delay - fastest.delay.delay;
    if (gain < Math.max(LEAST_GAIN_US, current.ownRtt * GAIN_SHARE)) {
      this.looks = 0;
      return;
    }
    this.looks = this.better === fastest ? this.looks + 1 : 1;
    this.better = fastest;
    if (this.looks >= LOOKS) {
      this.current = fastest;
      this.looks = 0;
    }
  }
}

/** Delays are on one scale for all paths of a peer; a path that is not measured yet comes last. */
function byDelay(a: Path, b: Path): number {
  if (a.delay.known !== b.delay.known) return a.delay.known ? -1 : 1;
  return a.delay.delay - b.delay.delay;
}
