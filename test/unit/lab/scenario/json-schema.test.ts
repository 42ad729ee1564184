import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { scenarioJsonSchema } from '../../../../lab/scenario/json-schema.js';
import { parseScenario } from '../../../../lab/scenario/read.js';

const ROOT = new URL('../../../../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

const SWEEP = `
topology:
  seed: \${seed}
  nodes: { a: { kind: host, mpip: "\${mpip}" }, b: { kind: host, mpip: {} } }
  links:
    path1: { ends: [a:eth0, b:eth0], subnet: 10.1.0.0/24, mtu: "\${mtu}", "\${by}": "\${rate}", delay: 5ms }
arms: ["\${arm}", { name: other, mpip: { scheduler: paper } }]
workloads:
  - { name: download, type: iperf3, protocol: "\${protocol}", rate: 1mbit, from: a, to: b, duration: 5s, parallel: "\${flows}" }
  - { name: page, type: "\${kind}", from: a, to: b, size: 1mb }
events:
  - { at: 1s, link: path1, set: { carrier: "\${carrier}" } }
  - { at: 2s, link: path1, set: { delay: 20ms, loss: { model: gilbert-elliott, mean: 1%, burst: "\${burst}" } } }
repeat: \${flows}
matrix:
  seed: [1]
  mpip: [true]
  mtu: [1400]
  by: [rate]
  rate: [10mbit, 20mbit]
  arm: [mpip]
  protocol: [udp]
  flows: [1, 4]
  kind: [http]
  carrier: [down]
  burst: [4]
`;

describe('the JSON Schema of scenarios', () => {
  const schema = z.fromJSONSchema(scenarioJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (document: unknown): boolean => schema.safeParse(document).success;

  it('in docs is the one of the grammar; `mpip-lab schema scenario` prints it', () => {
    expect(JSON.parse(read('docs/scenario.schema.json'))).to.deep.equal(
      JSON.parse(JSON.stringify(scenarioJsonSchema())),
    );
  });

  it('accepts every scenario of this project, those of the documents too', () => {
    const files = readdirSync(new URL('experiments/', ROOT)).filter((name) => name.endsWith('.yaml'));
    const documents = [...read('docs/scenarios.md').matchAll(/```yaml\n(name: [\s\S]*?)```/g)].map(([, text]) => text);
    expect(documents).to.not.have.length(0);
    for (const text of [...files.map((name) => read(`experiments/${name}`)), ...documents]) {
      expect(schema.safeParse(parse(text!)), text).to.include({ success: true });
    }
  });

  it('accepts parameters in place of values of any kind, as the check does', async () => {
    expect((await parseScenario(SWEEP, 'sweep.yaml')).cases).to.have.length(4);
    expect(schema.safeParse(parse(SWEEP))).to.include({ success: true });
  });

  it('refuses unknown keys, words and kinds wherever they stand', () => {
    const document = {
      topology: 'two-paths.yaml',
      arms: ['mpip'] as unknown[],
      workloads: [{ name: 'page', type: 'http', from: 'a', to: 'b', size: '1mb' }] as unknown[],
      events: [{ at: '1s', link: 'path1', set: { carrier: 'down' } }] as unknown[],
      claims: ['mpip.page.completed == 1'] as unknown[],
    };
    expect(accepts(document)).to.equal(true);
    for (const wrong of [
      { ...document, arm: ['ip'] },
      { ...document, arms: ['quic'] },
      { ...document, arms: [{ name: 'paper', mpip: { sheduler: 'paper' } }] },
      { ...document, workloads: [{ name: 'page', type: 'ftp', from: 'a', to: 'b' }] },
      { ...document, workloads: [{ name: 'page', type: 'http', from: 'a', to: 'b', size: '1mb', rate: '1mbit' }] },
      { ...document, events: [{ at: '1s', link: 'path1', set: { carier: 'down' } }] },
      { ...document, events: [{ at: '1s', node: 'a', mpipd: 'pause' }] },
      { ...document, claims: [{ claim: 'x' }] },
      { ...document, matrix: { rate: '1mbit' } },
      { ...document, topology: { nodes: { a: { kind: 'host', nat: {} } } } },
    ]) {
      expect(accepts(wrong), JSON.stringify(wrong)).to.equal(false);
    }
  });
});
