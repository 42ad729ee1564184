import { expect } from 'chai';
import { topologyDrawing } from '../../../../lab/figures/topology-drawing.js';
import { layOut } from '../../../../lab/figures/topology-layout.js';
import { makePlan, type Plan, readTopology } from '../../../../lab/lab.js';

const NAMES = ['two-paths', 'routed-3x2', 'two-nats', 'nat-both-ends', 'udp-blocked', 'twenty-clients', 'phone'];

async function planOf(name: string): Promise<Plan> {
  return makePlan(await readTopology(new URL(`../../../../lab/topologies/${name}.yaml`, import.meta.url).pathname));
}

const TEXTS = { node: (): string[] => ['router'], link: (): string[] => ['link'] };

describe('the drawing of a topology', () => {
  for (const name of NAMES) {
    it(`names every node, interface, address and link: ${name}`, async () => {
      const plan = await planOf(name);
      const svg = topologyDrawing(plan);
      for (const { name: node, interfaces } of plan.nodes) {
        expect(svg).to.contain(`>${node}</text>`);
        for (const own of interfaces)
          for (const word of [own.name, ...own.addresses]) expect(svg).to.contain(`>${word}<`);
      }
      for (const link of plan.links) expect(svg).to.contain(`>${link.name}</text>`);
      expect(svg.match(/<path /g)).to.have.lengthOf(plan.links.length);
      expect(svg).to.not.match(/NaN|undefined|Infinity/);
    });

    it(`keeps boxes apart and everything inside: ${name}`, async () => {
      const { boxes, width, height } = layOut(await planOf(name), TEXTS);
      boxes.forEach((a, index) => {
        expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height, a.node.name).to.equal(true);
        for (const b of boxes.slice(index + 1)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect(apart, `${a.node.name} and ${b.node.name}`).to.equal(true);
        }
      });
    });
  }

  it('tells rates, both where they differ, and what a NAT does', async () => {
    expect(topologyDrawing(await planOf('two-paths')))
      .to.contain('>40mbit<')
      .and.to.contain('>20mbit<');
    expect(topologyDrawing(await planOf('nat-client')))
      .to.contain('>→ 10mbit<')
      .and.to.contain('>← 50mbit<');
    expect(topologyDrawing(await planOf('two-nats'))).to.contain('NAT port-restricted');
  });

  it('tells where a carrier is down', async () => {
    const plan = await planOf('two-paths');
    const [cut, ...others] = plan.links;
    const svg = topologyDrawing({ ...plan, links: [{ ...cut!, cut: true }, ...others] });
    expect(svg.match(/>carrier down</g)).to.have.lengthOf(1);
    expect(svg.match(/stroke-dasharray/g)).to.have.lengthOf(1);
    expect(topologyDrawing(plan)).to.not.contain('carrier down');
  });

  it('joins neighbouring columns left to right, with every link at its own port', async () => {
    const { wires } = layOut(await planOf('routed-3x2'), TEXTS);
    for (const { from, to } of wires) expect(from.x).to.be.lessThan(to.x);
    expect(new Set(wires.flatMap(({ from, to }) => [`${from.x} ${from.y}`, `${to.x} ${to.y}`])).size).to.equal(
      2 * wires.length,
    );
  });
});
