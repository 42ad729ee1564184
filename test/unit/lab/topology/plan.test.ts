import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { dryRun } from '../../../../lab/cli/dry-run.js';
import { makePlan, parseTopology, withoutMpip } from '../../../../lab/lab.js';

/** Each X.yaml with X.txt, which `up --dry-run` prints for it. */
const DIRECTORY = new URL('plans/', import.meta.url);

function read(file: string): string {
  return readFileSync(new URL(file, DIRECTORY), 'utf8');
}

describe('the plan of a topology', () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))) {
    it(`is what has been reviewed: ${file}`, () => {
      const plan = makePlan(parseTopology(read(file), file));
      expect(`${dryRun('lab', plan)}\n`).to.equal(read(file.replace('.yaml', '.txt')));
    });
  }

  it('can be had for plain hosts, with everything else the same', () => {
    const plan = makePlan(parseTopology(read('two-paths.yaml'), 'two-paths.yaml'));
    const plain = withoutMpip(plan);
    expect(plain.links).to.deep.equal(plan.links);
    expect(plain.nodes.map(({ mpip, ...rest }) => rest)).to.deep.equal(plan.nodes.map(({ mpip, ...rest }) => rest));
    expect(plain.nodes.every(({ mpip }) => mpip === null)).to.equal(true);
    expect(plain.paths).to.deep.equal([]);
  });

  it('is the same every time', () => {
    const make = (): unknown => makePlan(parseTopology(read('routed-2x2.yaml'), 'routed-2x2.yaml'));
    expect(make()).to.deep.equal(make());
  });
});
