/** Two hosts on either side of a router, with several interfaces each. */
import { makePlan, type Plan, parseTopology } from '../../lab/lab.js';

/** Interfaces of the client and of the server. */
export interface Shape {
  readonly client: number;
  readonly server: number;
}

export const CLIENT = 'client';
export const SERVER = 'server';
/** The server's first address. */
export const TARGET = '10.2.1.2';

/** What a lab is for: finding paths needs links of some length, and hosts that do not look for each other by themselves. */
export type Purpose = 'search' | 'transfer';

/** One way, of the first link of a host, and what each further one has more. */
const FIRST_DELAY_MS = 40;
const DELAY_STEP_MS = 5;

export function planOf({ client, server }: Shape, purpose: Purpose): Plan {
  const mpip = purpose === 'search' ? '{ peers: [] }' : '{}';
  const links = [CLIENT, SERVER].flatMap((host, side) =>
    Array.from({ length: [client, server][side]! }, (_, i) => {
      const delay = purpose === 'search' ? `, delay: ${delayMs(i)}ms` : '';
      const ends = `[router:${host}${i + 1}, ${host}:eth${i}]`;
      return `  ${host}${i + 1}: { ends: ${ends}, subnet: 10.${side + 1}.${i + 1}.0/24${delay} }`;
    }),
  );
  const text = [
    'name: scale',
    'nodes:',
    `  ${CLIENT}: { kind: host, mpip: ${mpip} }`,
    '  router: { kind: router }',
    `  ${SERVER}: { kind: host, mpip: ${mpip} }`,
    'links:',
    ...links,
    '',
  ].join('\n');
  return makePlan(parseTopology(text, 'scale.yaml'));
}

/** Round-trip time of the path between two addresses of such a lab, seconds. */
export function roundTrip(source: string, destination: string): number {
  const oneWayMs = [source, destination].map((address) => delayMs(Number(address.split('.')[2]) - 1));
  return (2 * oneWayMs.reduce((sum, delay) => sum + delay, 0)) / 1000;
}

function delayMs(index: number): number {
  return FIRST_DELAY_MS + DELAY_STEP_MS * index;
}
