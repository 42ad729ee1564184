import { NetlinkError } from '../netlink/error.js';
import type { Netlink } from '../netlink/netlink.js';
import { isSameRule, type MarkRule } from '../netlink/rule.js';
import { SteeringError } from './error.js';
import { fields, integer, list, oneOf, text, truth } from './record-fields.js';
import { type ReversePathChange, restore } from './reverse-path.js';

/** Marks our rules and routes as ours; no number of /etc/iproute2/rt_protos. */
export const ROUTE_PROTOCOL = 67;

/** All that steering changes on a host. */
export interface SteeringChanges {
  /** Our routes are those of ROUTE_PROTOCOL in this table through this interface. */
  readonly routes: { readonly table: number; readonly interfaceIndex: number };
  readonly rules: readonly MarkRule[];
  readonly reversePath: readonly ReversePathChange[];
}

export const readSteeringChanges = fields<SteeringChanges>({
  routes: fields({ table: integer, interfaceIndex: integer }),
  rules: list(
    fields<MarkRule>({
      family: oneOf('ipv4', 'ipv6'),
      priority: integer,
      mark: integer,
      invert: truth,
      table: integer,
      protocol: integer,
    }),
  ),
  reversePath: list(fields<ReversePathChange>({ interface: text, was: integer, set: integer })),
});

/** The kernel's answers for "that is not there". */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'ENODEV', 'EAFNOSUPPORT']);

/** Runs `action`; that what it removes is gone already is no error. */
export function unlessGone(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof NetlinkError && GONE.has(error.errnoName))) throw error;
  }
}

/** Deletes the rule if exactly it is there. */
function removeRule(netlink: Netlink, wanted: MarkRule): void {
  if (netlink.rules().some((rule) => isSameRule(rule, wanted))) unlessGone(() => netlink.deleteRule(wanted));
}

function removeRoutes(netlink: Netlink, { table, interfaceIndex }: SteeringChanges['routes']): void {
  for (const route of netlink.routes({ protocol: ROUTE_PROTOCOL })) {
    const { destination, prefix } = route;
    if (destination === undefined || route.table !== table || route.interfaceIndex !== interfaceIndex) continue;
    unlessGone(() => netlink.deleteRoute({ destination, prefix, table, interfaceIndex, protocol: ROUTE_PROTOCOL }));
  }
}

/** Undoes as much as can be undone. Throws SteeringError (E_UNDO) when something could not. */
export function undo(changes: SteeringChanges, netlink: Netlink): void {
  // Rules first: without them no packet reaches the table any more.
  const steps = [
    ...changes.rules.map((rule) => () => removeRule(netlink, rule)),
    () => removeRoutes(netlink, changes.routes),
    ...changes.reversePath.map((change) => () => restore(change)),
  ];
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  const cause = new AggregateError(errors, errors.map(String).join('; '));
  throw new SteeringError('E_UNDO', `steering was not undone completely: ${cause.message}`, { cause });
}
