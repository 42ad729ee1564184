import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { dryRun } from '../../../../lab/cli/dry-run.js';
import { makePlan, parseTopology, withoutMpip } from '../../../../lab/lab.js';

/** Each X.yaml with X.txt, which `up --dry-run` prints for it (UPDATE_GOLDEN=1 writes it again). */
const DIRECTORY = new URL('plans/', import.meta.url);

function read(file: string): string {
  return readFileSync(new URL(file, DIRECTORY), 'utf8');
}

describe('the plan of a topology', () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))) {
    it(`is what has been reviewed: ${file}`, () => {
      const plan = makePlan(parseTopology(read(file), file));
      const golden = file.replace('.yaml', '.txt');
      const printed = `${dryRun('lab', plan)}\n`;
      if (process.env.UPDATE_GOLDEN === '1') writeFileSync(new URL(golden, DIRECTORY), printed);
      expect(printed).to.equal(read(golden));
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
