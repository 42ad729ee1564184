import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect } from 'chai';
import { makePlan, readTopology } from '../../../../lab/lab.js';
import { DocumentError } from '../../../../src/document/error.js';

/** base.yaml, what lies over it, and with X.yaml in X.txt the whole text that its author gets to see. */
const DIRECTORY = relative('', new URL('composed', import.meta.url).pathname);

async function refusal(...files: [string, ...string[]]): Promise<string> {
  try {
    await readTopology(files);
  } catch (error) {
    if (error instanceof DocumentError) return error.message;
    throw error;
  }
  throw new Error(`${files.join(', ')} was not refused`);
}

describe('topologies of several files', () => {
  it('merge maps, replace what is no map, and lose what is null', async () => {
    const { nodes, links, name } = await readTopology(`${DIRECTORY}/overlay.yaml`);
    expect(name).to.equal('overlay');
    expect(nodes.map((node) => node.name)).to.deep.equal(['a', 'b', 'r', 'c']);
    expect(nodes[0]?.mpip).to.deep.equal({ scheduler: 'paper' });
    expect(nodes[2]?.nat).to.equal(null);
    expect(links.map((link) => link.name)).to.deep.equal(['l1', 'l2', 'l3']);
    expect(links[0]?.directions[0].rateBps).to.equal(null);
    expect(links[0]?.addresses[0][0]?.address).to.equal('10.9.0.1');
  });

  it('are the same whether a file extends its base or is named after it', async () => {
    const extended = await readTopology(`${DIRECTORY}/overlay.yaml`);
    const named = await readTopology([`${DIRECTORY}/base.yaml`, `${DIRECTORY}/overlay.yaml`]);
    expect(makePlan(named)).to.deep.equal(makePlan(extended));
  });

  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt'))) {
    const yaml = file.replace('.txt', '.yaml');
    it(`are refused with the place in the file that decides: ${yaml}`, async () => {
      const message = (await refusal(`${DIRECTORY}/${yaml}`)).replaceAll(`${DIRECTORY}/`, '');
      expect(`${message}\n`).to.equal(readFileSync(`${DIRECTORY}/${file}`, 'utf8'));
    });
  }
});
