import { expect } from 'chai';
import fc from 'fast-check';
import { SharedCarrier } from '../../../../lab/emulation/carrier.js';

/** Two nodes with an interface each, and the relay's two interfaces that face them. */
class Wires {
  readonly nodes = [true, true];
  sides: [boolean, boolean] = [true, true];

  constructor(readonly carrier: SharedCarrier) {}

  /** As the kernel does it: an interface has a carrier while it and its peer are up. */
  settle(): void {
    for (let i = 0; i < 8; i++) {
      for (const end of [0, 1] as const) {
        if (this.sides[end]) this.carrier.observe(end, this.nodes[end]!);
      }
      const [a, b] = this.carrier.sides;
      if (a === this.sides[0] && b === this.sides[1]) return;
      this.sides = [a, b];
    }
    throw new Error('it does not settle');
  }

  seenBy(end: 0 | 1): boolean {
    return this.nodes[end]! && this.sides[end];
  }
}

describe('the carrier that both ends of a relayed link share', () => {
  it('is there at both ends exactly while both interfaces are up and the cable is whole, after any history', () => {
    const step = fc.oneof(
      fc.record({ node: fc.constantFrom(0 as const, 1 as const), up: fc.boolean() }),
      fc.record({ cut: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const wires = new Wires(new SharedCarrier());
        let cut = false;
        for (const change of steps) {
          if ('cut' in change) {
            cut = change.cut;
            wires.carrier.setCut(cut);
          } else wires.nodes[change.node] = change.up;
          wires.settle();
          const whole = wires.nodes[0] && wires.nodes[1] && !cut;
          expect(wires.carrier.up).to.equal(whole);
          for (const end of [0, 1] as const) expect(wires.seenBy(end)).to.equal(whole);
        }
      }),
    );
  });
});
