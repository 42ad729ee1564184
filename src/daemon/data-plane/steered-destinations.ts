import type { Address } from '../../core/io.js';
import { NetlinkError } from '../../host/netlink/error.js';
import { SteeringError } from '../../host/steering/error.js';
import type { Steering } from '../../host/steering/steering.js';

type LogWarning = (event: string, fields: Record<string, unknown>) => void;

/**
 * What the core wants steered, kept up over changes of the network: a destination that cannot be steered now, or no longer, goes on
 * natively and is tried again when routes or addresses have changed.
 */
export class SteeredDestinations {
  private readonly wanted = new Map<Address, number>();

  constructor(
    private readonly steering: Steering,
    private readonly warn: LogWarning,
  ) {}

  steer(destination: Address, mtu: number): void {
    this.wanted.set(destination, mtu);
    this.tryTo('steer', destination, () => this.steering.steer(destination, mtu));
  }

  unsteer(destination: Address): void {
    this.wanted.delete(destination);
    this.tryTo('unsteer', destination, () => this.steering.unsteer(destination));
  }

  /** After addresses, routes or rules have changed. */
  refresh(): void {
    try {
      this.steering.refresh();
    } catch (error) {
      this.report('routes could not be brought in line', {}, error);
    }
    const steered = new Set(this.steering.steered());
    for (const [destination, mtu] of this.wanted) {
      if (!steered.has(destination)) this.tryTo('steer', destination, () => this.steering.steer(destination, mtu));
    }
  }

  private tryTo(what: 'steer' | 'unsteer', destination: Address, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.report(`destination could not be ${what}ed`, { destination }, error);
    }
  }

  private report(event: string, fields: Record<string, unknown>, error: unknown): void {
    if (!(error instanceof NetlinkError) && !(error instanceof SteeringError)) throw error;
    this.warn(event, { ...fields, code: error.code, reason: error.message });
  }
}
