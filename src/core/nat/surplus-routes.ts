import { formatAddress } from '../address.js';
import type { Session } from '../tables/sessions.js';

/** A middlebox may take a datagram with bytes behind its UDP length for a damaged one and drop it, so few of the applications' are risked. */
const BLOCKS = 3;
/** Where blocks are known to come through, nothing is at risk: as many as it takes when queues lose two of three datagrams. */
const OPEN_BLOCKS = 16;
/** After blocks went unanswered, a single one is risked again after ...; doubles. */
const RETRY_US = 60_000_000;
const MAX_RETRY_US = 3_600_000_000;
/** Of more routes the oldest are forgotten. */
const MAX_ROUTES = 4096;

interface Refusal {
  retryAt: number;
  waitUs: number;
}

/**
 * Which native routes answer blocks in the UDP surplus area: what middleboxes do with it outlives sessions and peers. Who opened a session says
 * whether the peer knows of it at all, so of refusals that is told apart.
 */
export class SurplusRoutes {
  private readonly refusals = new Map<string, Refusal>();
  /** Where blocks were answered: what goes unanswered there later was lost to a queue. */
  private readonly proven = new Set<string>();

  /** Where the peer's blocks have come from: middleboxes seldom check one direction only, so this counts as proof until it fails. */
  private readonly heard = new Set<string>();

  /** Whether a block that goes unanswered was lost to a queue, as far as is known. */
  isOpen(session: Session): boolean {
    const route = routeOf(session);
    return this.proven.has(route) || (this.heard.has(route) && !this.refusals.has(refusalOf(session)));
  }

  /** How many datagrams of the session may carry a block now. */
  blocks(session: Session, now: number): number {
    if (this.isOpen(session)) return OPEN_BLOCKS;
    const refusal = this.refusals.get(refusalOf(session));
    if (refusal === undefined) return BLOCKS;
    return now < refusal.retryAt ? 0 : 1;
  }

  /** The peer's block came in a datagram of the session. */
  received(session: Session): void {
    this.heard.add(routeOf(session));
    dropOldest(this.heard);
  }

  unanswered(session: Session, now: number): void {
    if (this.proven.has(routeOf(session))) return;
    const key = refusalOf(session);
    const before = this.refusals.get(key);
    const waitUs = before === undefined ? RETRY_US : Math.min(2 * before.waitUs, MAX_RETRY_US);
    this.refusals.set(key, { retryAt: now + waitUs, waitUs });
    dropOldest(this.refusals);
  }

  answered(session: Session): void {
    this.refusals.delete(refusalOf(session));
    this.proven.add(routeOf(session));
    dropOldest(this.proven);
  }
}

function routeOf({ source, destination }: Session): string {
  return `${formatAddress(source, 0, source.length)} ${formatAddress(destination, 0, destination.length)}`;
}

function refusalOf(session: Session): string {
  return `${routeOf(session)} ${session.openedBySelf}`;
}

function dropOldest(routes: Map<string, unknown> | Set<string>): void {
  if (routes.size <= MAX_ROUTES) return;
  for (const oldest of routes.keys()) {
    routes.delete(oldest);
    return;
  }
}
