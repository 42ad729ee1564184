import type { Netlink } from '../../src/host/netlink/netlink.js';
import type { LinkRelay } from './link-relay.js';

/** Each look may set interfaces, which changes what there is to see; two or three are enough. */
const LOOKS_MAX = 8;

/** Carries the carrier of one end of each link over to the other. */
export class CarrierKeeper {
  constructor(
    private readonly links: readonly LinkRelay[],
    private readonly netlink: Pick<Netlink, 'links' | 'setLink'>,
  ) {}

  /** To be called whenever interfaces may have changed. Throws NetlinkError. */
  look(): void {
    for (let i = 0; i < LOOKS_MAX && this.#lookOnce(); i++);
    for (const link of this.links) link.applyCarrier();
  }

  /** Whether anything was set. */
  #lookOnce(): boolean {
    const interfaces = new Map(this.netlink.links().map((own) => [own.index, own]));
    let changed = false;
    for (const { carrier, ends } of this.links) {
      for (const end of [0, 1] as const) {
        const seen = interfaces.get(ends[end].index);
        // One that is set down tells nothing.
        if (seen?.up) carrier.observe(end, seen.carrier);
      }
      for (const end of [0, 1] as const) {
        const seen = interfaces.get(ends[end].index);
        const up = carrier.sides[end];
        if (seen === undefined || seen.up === up) continue;
        this.netlink.setLink(ends[end].index, { up });
        changed = true;
      }
    }
    return changed;
  }
}
