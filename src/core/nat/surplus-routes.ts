import { formatAddress } from '../address.js';
import type { Session } from '../tables/sessions.js';

/** A middlebox may take a datagram with bytes behind its UDP length for a damaged one and drop it, so few of the applications' are risked. */
const BLOCKS = 3;
/** After blocks went unanswered, a single one is risked again after ...; doubles. */
const RETRY_US = 60_000_000;
const MAX_RETRY_US = 3_600_000_000;

interface Refusal {
  retryAt: number;
  waitUs: number;
}

/** Which native routes to a peer have answered blocks in the UDP surplus area. Who opened a session says whether the peer knows of it at all. */
export class SurplusRoutes {
  private readonly refusals = new Map<string, Refusal>();
  /** Where blocks have come through: what goes unanswered there later was lost to a queue. */
  private readonly proven = new Set<string>();

  /** How many datagrams of the session may carry a block now. */
  blocks(session: Session, now: number): number {
    const refusal = this.refusals.get(routeOf(session));
    if (refusal === undefined) return BLOCKS;
    return now < refusal.retryAt ? 0 : 1;
  }

  unanswered(session: Session, now: number): void {
    const route = routeOf(session);
    if (this.proven.has(route)) return;
    const before = this.refusals.get(route);
    const waitUs = before === undefined ? RETRY_US : Math.min(2 * before.waitUs, MAX_RETRY_US);
    this.refusals.set(route, { retryAt: now + waitUs, waitUs });
  }

  answered(session: Session): void {
    const route = routeOf(session);
    this.refusals.delete(route);
    this.proven.add(route);
  }
}

function routeOf({ source, destination, openedBySelf }: Session): string {
  return `${formatAddress(source, 0, source.length)} ${formatAddress(destination, 0, destination.length)} ${openedBySelf}`;
}
