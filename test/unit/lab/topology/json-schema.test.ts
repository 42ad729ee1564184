import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { topologyJsonSchema } from '../../../../lab/topology/json-schema.js';

const ROOT = new URL('../../../../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

describe('the JSON Schema of topologies', () => {
  const schema = z.fromJSONSchema(topologyJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (document: unknown): boolean => schema.safeParse(document).success;

  it('in docs is the one of the grammar; `mpip-lab schema` prints it', () => {
    expect(JSON.parse(read('docs/topology.schema.json'))).to.deep.equal(
      JSON.parse(JSON.stringify(topologyJsonSchema())),
    );
  });

  it('accepts every topology of the lab', () => {
    for (const file of readdirSync(new URL('lab/topologies/', ROOT)).filter((name) => name.endsWith('.yaml'))) {
      expect(schema.safeParse(parse(read(`lab/topologies/${file}`))), file).to.include({ success: true });
    }
  });

  it('refuses unknown keys and kinds wherever they stand', () => {
    const node = { kind: 'host' };
    const link = { ends: ['a:eth0', 'b:eth0'], subnet: '10.1.0.0/24', 'a->b': { rate: '1mbit' } };
    const document = { name: 't', nodes: { a: node, b: node }, links: { l: link } };
    expect(accepts(document)).to.equal(true);
    for (const wrong of [
      { ...document, node: {} },
      { ...document, nodes: { a: { kind: 'hub' } } },
      { ...document, nodes: { a: { kind: 'host', nat: { type: 'symmetric', outside: 'eth0' } } } },
      { ...document, nodes: { a: { kind: 'host', mpip: { sheduler: 'paper' } } } },
      { ...document, nodes: { a: { kind: 'router', nat: { type: 'cone', outside: 'eth0' } } } },
      { ...document, nodes: { a: { kind: 'router', firewall: { deny: ['udp'] } } } },
      { ...document, links: { l: { ...link, rates: '1mbit' } } },
      { ...document, links: { l: { ...link, 'a->b': { rates: '1mbit' } } } },
    ]) {
      expect(accepts(wrong), JSON.stringify(wrong)).to.equal(false);
    }
  });
});
