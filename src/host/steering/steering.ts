import { existsSync } from 'node:fs';
import { isIpv6 } from '../../core/address.js';
import type { Address } from '../../core/io.js';
import { NetlinkError } from '../netlink/error.js';
import type { Netlink } from '../netlink/netlink.js';
import type { DeviceRoute, Route } from '../netlink/route.js';
import { isSameRule, type MarkRule, type RuleFamily } from '../netlink/rule.js';
import { ROUTE_PROTOCOL, readSteeringChanges, type SteeringChanges, undo, unlessGone } from './changes.js';
import { SteeringError } from './error.js';
import { StateRecord } from './record.js';
import { apply, loosening, opening, type ReversePathChange } from './reverse-path.js';

export interface SteeringOptions {
  readonly netlink: Netlink;
  /** The TUN device; it must be up before `steer`. */
  readonly tunIndex: number;
  readonly tunName: string;
  /** Number of our own routing table. */
  readonly table: number;
  /** Mark of the sockets that bypass the table. */
  readonly mark: number;
  /** Priority of our rules: after the kernel's local table (0), before users' rules. */
  readonly rulePriority: number;
  /** Where the record of what is changed is kept. */
  readonly stateDirectory: string;
}

export const STEERING_DEFAULTS = { table: 6747, mark: 6747, rulePriority: 670 } as const;

interface Steered {
  readonly source: Address | undefined;
  readonly mtu: number;
}

/**
 * Sends chosen destinations, and nothing else, into the TUN device: host routes in a table of their own, which every packet without our
 * mark looks up. Sockets go on choosing the source address that they would have chosen without us.
 */
export class Steering implements Disposable {
  private readonly netlink: Netlink;
  private readonly rules: readonly MarkRule[];
  /** Says the same as ours, after it; comes and goes only to make IPv6 sockets look their routes up again. */
  private readonly passingRule: MarkRule;
  private readonly destinations = new Map<Address, Steered>();
  private record: StateRecord<SteeringChanges> | undefined;
  /** Those of `rules` that are ours to delete. */
  private addedRules: readonly MarkRule[] = [];
  private reversePath: ReversePathChange[] = [];

  constructor(private readonly options: SteeringOptions) {
    const { rulePriority: priority, mark, table } = options;
    this.netlink = options.netlink;
    const rule = { priority, mark, invert: true, table, protocol: ROUTE_PROTOCOL };
    this.rules = families().map((family) => ({ ...rule, family }));
    this.passingRule = { ...rule, family: 'ipv6', priority: priority + 1 };
  }

  /**
   * Undoes what a dead owner of the state directory left in this network namespace. Returns whether there was anything.
   * Throws AlreadyRunningError (E_ALREADY_RUNNING) when the owner lives, RecordError, SteeringError (E_UNDO).
   */
  static cleanUp(stateDirectory: string, netlink: Netlink): boolean {
    return StateRecord.settle(stateDirectory, readSteeringChanges, (changes) => undo(changes, netlink));
  }

  /**
   * Claims the state directory, cleaning up after a dead owner first, adds the rules and makes the TUN device and `interfaces` take
   * packets of steered addresses. Throws as `cleanUp`; SteeringError (E_RULE_EXISTS, E_REVERSE_PATH), NetlinkError; then nothing is changed.
   */
  prepare(interfaces: readonly string[]): void {
    if (this.record !== undefined) return;
    this.record = StateRecord.claim(this.options.stateDirectory, this.changes(), readSteeringChanges, (changes) => {
      undo(changes, this.netlink);
    });
    try {
      this.addRules();
      this.changeReversePath([opening(this.options.tunName)]);
      this.watchInterfaces(interfaces);
    } catch (error) {
      this.giveUp();
      throw error;
    }
  }

  /** To be called with the names of all path interfaces whenever one has appeared. Throws SteeringError (E_REVERSE_PATH). */
  watchInterfaces(names: readonly string[]): void {
    this.changeReversePath(names.map(loosening));
  }

  /**
   * From now on packets to the destination go into the TUN device, cut for `mtu` bytes of IP packet. Idempotent. Throws SteeringError
   * (E_NOT_STEERABLE, E_UNREACHABLE), NetlinkError.
   */
  steer(destination: Address, mtu: number): void {
    this.claimed();
    const { source } = this.normalRoute(destination);
    const current = this.destinations.get(destination);
    if (current !== undefined && current.mtu === mtu && current.source === source) return;
    this.addRoute(destination, { source, mtu });
  }

  /** Packets to the destination take the normal route again. Idempotent. */
  unsteer(destination: Address): void {
    const steered = this.destinations.get(destination);
    if (steered === undefined) return;
    unlessGone(() => this.netlink.deleteRoute(this.deviceRoute(destination, steered)));
    this.destinations.delete(destination);
  }

  steered(): Address[] {
    return [...this.destinations.keys()];
  }

  /**
   * Brings the kernel in line again after addresses, routes or rules have changed: rules and routes that others removed come back, and
   * source addresses follow the normal routes. (The kernel takes no notice when the source address of a route in our table goes.)
   * A destination that has no normal route left keeps its last source address while this host has that, then the kernel chooses.
   * Returns the destinations that could not be kept; they are no longer steered.
   */
  refresh(): Address[] {
    if (this.record === undefined) return [];
    this.restoreRules();
    const { table, tunIndex } = this.options;
    const present = new Set(
      this.netlink
        .routes({ protocol: ROUTE_PROTOCOL })
        .filter((route) => route.table === table && route.interfaceIndex === tunIndex)
        .map((route) => route.destination),
    );
    const local = new Set(this.netlink.addresses().map(({ address }) => address));
    return [...this.destinations].flatMap(([destination, steered]) => {
      const last = steered.source !== undefined && local.has(steered.source) ? steered.source : undefined;
      const normal = this.normalRouteIfAny(destination);
      const source = normal === undefined ? last : normal.source;
      if (present.has(destination) && source === steered.source) return [];
      try {
        this.addRoute(destination, { source, mtu: steered.mtu });
        return [];
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        this.unsteer(destination);
        return [destination];
      }
    });
  }

  /** Undoes everything and removes the record. Idempotent. Throws SteeringError (E_UNDO): then the record stays. */
  close(): void {
    if (this.record === undefined) return;
    undo(this.changes(), this.netlink);
    this.record.remove();
    this.record = undefined;
    this.destinations.clear();
    this.addedRules = [];
    this.reversePath = [];
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Nothing may be changed that is not recorded. */
  private claimed(): StateRecord<SteeringChanges> {
    if (this.record === undefined) throw new Error('steering is not prepared, or closed');
    return this.record;
  }

  /** Closes after a failure, which is what the caller has to hear of; what cannot be undone is left to the next start. */
  private giveUp(): void {
    try {
      this.close();
    } catch (error) {
      if (!(error instanceof SteeringError)) throw error;
    }
  }

  private changes(): SteeringChanges {
    const { table, tunIndex } = this.options;
    return { routes: { table, interfaceIndex: tunIndex }, rules: [...this.addedRules], reversePath: this.reversePath };
  }

  private addRules(): void {
    const present = this.netlink.rules();
    // What is there already is another's: it must not get into our record, or we would delete it.
    const all = [...this.rules, this.passingRule];
    const taken = all.find((wanted) => present.some((rule) => isSameRule(rule, wanted)));
    if (taken !== undefined) throw ruleExists(taken);
    this.addedRules = all;
    this.claimed().write(this.changes());
    for (const rule of this.rules) this.netlink.addRule(rule);
  }

  private restoreRules(): void {
    const present = this.netlink.rules();
    for (const wanted of this.rules) {
      if (!present.some((rule) => isSameRule(rule, wanted))) this.netlink.addRule(wanted);
    }
  }

  private changeReversePath(needed: readonly (ReversePathChange | undefined)[]): void {
    const changes = needed.filter((change) => change !== undefined);
    if (changes.length === 0) return;
    const changed = new Set(changes.map((change) => change.interface));
    // An interface that went and came back under its name starts from its new value.
    this.reversePath = [...this.reversePath.filter((change) => !changed.has(change.interface)), ...changes];
    this.claimed().write(this.changes());
    for (const change of changes) {
      try {
        apply(change);
      } catch (cause) {
        const setting = `net.ipv4.conf.${change.interface}.rp_filter`;
        throw new SteeringError('E_REVERSE_PATH', `${setting} is ${change.was}, must be ${change.set}: ${cause}`, {
          cause,
        });
      }
    }
  }

  private addRoute(destination: Address, steered: Steered): void {
    this.netlink.addRoute(this.deviceRoute(destination, steered));
    this.destinations.set(destination, steered);
    if (isIpv6(destination)) this.forgetCachedRoutes();
  }

  /**
   * IPv4 drops all cached routes when any table changes. An IPv6 socket keeps its route until the table that it came from changes, or a rule:
   * without this, open connections would not move. (A rule's change counts since Linux 6.10 and the stable kernels of 2024.)
   */
  private forgetCachedRoutes(): void {
    this.netlink.addRule(this.passingRule);
    this.netlink.deleteRule(this.passingRule);
  }

  /**
   * The MTU is locked so that IPv4 sends without DF: what TCP has cut for the old MTU before the move is fragmented, not dropped, and what
   * comes out of the TUN device as fragments can go on natively. (IPv6 refuses such segments within the send call; TCP cuts them anew.)
   */
  private deviceRoute(destination: Address, { source, mtu }: Steered): DeviceRoute {
    const { table, tunIndex: interfaceIndex } = this.options;
    return {
      destination,
      prefix: isIpv6(destination) ? 128 : 32,
      table,
      interfaceIndex,
      ...(source !== undefined && { source }),
      mtu,
      mtuLocked: true,
      protocol: ROUTE_PROTOCOL,
    };
  }

  /** The route that packets to the destination would take without us. */
  private normalRoute(destination: Address): Route {
    const { mark, tunIndex, tunName } = this.options;
    let route: Route;
    try {
      route = this.netlink.routeGet(destination, { mark });
    } catch (cause) {
      if (!(cause instanceof NetlinkError)) throw cause;
      throw new SteeringError('E_UNREACHABLE', `${destination} cannot be steered: ${cause.message}`, { cause });
    }
    if (route.type !== 'unicast') {
      throw new SteeringError(
        'E_NOT_STEERABLE',
        `${destination} cannot be steered: its route is of type ${route.type}`,
      );
    }
    if (route.interfaceIndex === tunIndex) {
      throw new SteeringError('E_NOT_STEERABLE', `${destination} cannot be steered: its normal route is ${tunName}`);
    }
    return route;
  }

  private normalRouteIfAny(destination: Address): Route | undefined {
    try {
      return this.normalRoute(destination);
    } catch (error) {
      if (error instanceof SteeringError) return undefined;
      throw error;
    }
  }
}

function families(): RuleFamily[] {
  return existsSync('/proc/sys/net/ipv6') ? ['ipv4', 'ipv6'] : ['ipv4'];
}

function ruleExists({ family, priority, mark, table }: MarkRule): SteeringError {
  const rule = `${family} rule ${priority}: not fwmark ${mark} lookup ${table}`;
  const remedy = `if none does, remove it: ip ${family === 'ipv6' ? '-6' : '-4'} rule del priority ${priority}`;
  return new SteeringError(
    'E_RULE_EXISTS',
    `${rule} exists: does another mpipd run in this network namespace? ${remedy}`,
  );
}
