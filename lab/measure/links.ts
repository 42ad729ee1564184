/** The links that join two nodes directly, as the receiver of a transfer sees them. */
import type { Emulator, Plan } from '../plan/plan.js';

export interface ReceivingLink {
  readonly name: string;
  /** Interface of the sender. */
  readonly senderInterface: string;
  /** bit/s towards the receiver, Ethernet headers counted; null = nothing holds it back. */
  readonly rateBps: number | null;
  readonly queueBytes: number | null;
  readonly mtu: number;
  /** One way, towards the receiver. */
  readonly delayUs: number;
  readonly emulator: Emulator;
}

/** In the order of the plan. */
export function linksBetween(plan: Plan, sender: string, receiver: string): ReceivingLink[] {
  return plan.links.flatMap((link) => {
    const end = link.ends.find(({ node }) => node === sender);
    if (end === undefined || !link.ends.some(({ node }) => node === receiver)) return [];
    return {
      name: link.name,
      senderInterface: end.interface,
      rateBps: end.shaping?.rateBps ?? null,
      queueBytes: end.shaping?.limitBytes ?? null,
      mtu: link.mtu,
      delayUs: end.emulation?.delayUs ?? 0,
      emulator: link.emulator,
    };
  });
}
