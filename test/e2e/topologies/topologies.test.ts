import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Lab, makePlan, readTopology } from '../../../lab/lab.js';
import { needsRoot } from '../steering/needs-root.js';
import { type Behaviour, udpBehaviour } from './behaviour.js';
import { TcpConnection, TcpListener, UdpSocket } from './sockets.js';

const DIRECTORY = new URL('../../../lab/topologies/', import.meta.url);

interface Case {
  /** Live paths of MPIP that no NAT stands between, by node; nodes that are not named have none. */
  readonly paths: Readonly<Record<string, number>>;
  /** Nodes by address that a TCP connection from a node reaches, and the address that they see it come from. */
  readonly reaches: readonly {
    readonly from: string;
    readonly source?: string;
    readonly to: string;
    readonly address: string;
    /** Default 8000; `at` where a forward leads to another one. */
    readonly port?: number;
    readonly at?: number;
    readonly seenAs: string;
  }[];
  /** What it is for in particular. */
  readonly also?: (lab: Lab) => Promise<void>;
}

const PORT = 8000;

const CASES: Readonly<Record<string, Case>> = {
  'single-path': {
    paths: { a: 1, b: 1 },
    reaches: [{ from: 'a', to: 'b', address: '10.1.0.2', seenAs: '10.1.0.1' }],
  },
  'two-paths': {
    paths: { a: 2, b: 2 },
    reaches: [
      { from: 'a', to: 'b', address: '10.1.0.2', seenAs: '10.1.0.1' },
      { from: 'a', to: 'b', address: '10.2.0.2', seenAs: '10.2.0.1' },
    ],
  },
  'routed-2x2': {
    paths: { client: 4, server: 4 },
    reaches: ['10.1.0.1', '10.2.0.1'].flatMap((source) =>
      ['10.3.0.1', '10.4.0.1'].map((address) => ({ from: 'client', source, to: 'server', address, seenAs: source })),
    ),
  },
  'shared-nics': {
    paths: { a: 4, b: 4 },
    reaches: ['10.1.0.1', '10.2.0.1'].flatMap((source) =>
      ['10.3.0.1', '10.4.0.1'].map((address) => ({ from: 'a', source, to: 'b', address, seenAs: source })),
    ),
  },
  'behind-nics': {
    paths: { a: 4, b: 4 },
    reaches: ['10.1.0.1', '10.2.0.1'].flatMap((source) =>
      ['10.3.0.1', '10.4.0.1'].map((address) => ({ from: 'a', source, to: 'b', address, seenAs: source })),
    ),
  },
  'routed-3x2': {
    paths: { client: 6, server: 6 },
    reaches: ['10.1.0.1', '10.2.0.1', '10.3.0.1'].map((source) => ({
      ...{ from: 'client', source, to: 'server', address: '10.5.0.1', seenAs: source },
    })),
  },
  'nat-client': {
    paths: {},
    reaches: ['192.168.1.1', '192.168.2.1'].map((source) => ({
      ...{ from: 'client', source, to: 'server', address: '203.0.113.1', seenAs: '198.51.100.1' },
    })),
  },
  'two-nats': {
    paths: {},
    reaches: [
      { from: 'client', source: '192.168.1.1', to: 'server', address: '203.0.113.1', seenAs: '198.51.100.1' },
      { from: 'client', source: '100.64.0.1', to: 'server', address: '203.0.113.1', seenAs: '198.51.100.129' },
    ],
  },
  'nat-both-ends': {
    paths: {},
    reaches: [
      { from: 'client', to: 'server', address: '203.0.113.1', port: 5201, at: 5201, seenAs: '198.51.100.1' },
      { from: 'client', to: 'server', address: '203.0.113.1', port: 80, at: 8080, seenAs: '198.51.100.1' },
    ],
  },
  'symmetric-nat': {
    paths: {},
    reaches: [{ from: 'client', to: 'server', address: '203.0.113.2', seenAs: '203.0.113.1' }],
    also: async (lab) => {
      const servers = [
        { node: 'server', address: '203.0.113.2' },
        { node: 'other', address: '203.0.113.3' },
      ] as const;
      const symmetric: Behaviour = {
        mapping: 'address-and-port-dependent',
        filtering: 'address-and-port-dependent',
      };
      expect(await udpBehaviour({ lab, inside: 'client', servers })).to.deep.equal(symmetric);
    },
  },
  phone: {
    paths: {},
    reaches: [
      { from: 'phone', source: '192.168.1.2', to: 'server', address: '203.0.113.1', seenAs: '198.51.100.1' },
      { from: 'phone', source: '100.64.0.2', to: 'server', address: '203.0.113.1', seenAs: '198.51.100.129' },
    ],
    also: async (lab) => {
      const roundTripMs = async (source: string): Promise<number> => {
        const words = ['ping', '-n', '-q', '-c', '10', '-i', '0.2', '-I', source, '203.0.113.1'];
        return Number(/ = ([\d.]+)\//.exec((await lab.node('phone').exec(words)).stdout)?.[1]);
      };
      const [wifi, lte] = await Promise.all(['192.168.1.2', '100.64.0.2'].map(roundTripMs));
      // The links' own 30 and 60 ms each way, and at least half of what their traces add on average.
      expect(wifi).to.be.greaterThan(60 + 6);
      expect(lte! - wifi!).to.be.greaterThan(40);
      expect(lte).to.be.greaterThan(120 + 12);
      for (const link of ['wifi', 'lte'] as const) {
        for (const { packets, dropped } of (await lab.link(link).counters())!) {
          expect(packets, link).to.be.greaterThan(10);
          expect(dropped, link).to.include({ queue: 0, loss: 0, carrier: 0 });
        }
      }
    },
  },
  'udp-blocked': {
    paths: { client: 2, server: 2 },
    reaches: [
      { from: 'client', source: '10.1.0.1', to: 'server', address: '10.3.0.1', seenAs: '10.1.0.1' },
      { from: 'client', source: '10.2.0.1', to: 'server', address: '10.4.0.1', seenAs: '10.2.0.1' },
    ],
    also: async (lab) => {
      using client = await UdpSocket.open(lab, 'client', 4000);
      using server = await UdpSocket.open(lab, 'server', 4000);
      using names = await UdpSocket.open(lab, 'server', 53);
      await client.send('blocked', { address: '10.3.0.1', port: 4000 });
      await client.send('name?', { address: '10.3.0.1', port: 53 });
      await names.send('address', (await names.gets('name?')).from);
      await client.gets('address');
      await client.send('open', { address: '10.4.0.1', port: 4000 });
      await server.gets('open');
      expect(server.received.map(({ text }) => text)).to.deep.equal(['open']);
    },
  },
  'twenty-clients': {
    paths: {
      server: 20,
      ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`c${String(i + 1).padStart(2, '0')}`, 20])),
    },
    reaches: [
      { from: 'c01', to: 'server', address: '10.1.0.1', seenAs: '10.1.0.2' },
      { from: 'c20', to: 'server', address: '10.1.0.1', seenAs: '10.1.0.21' },
    ],
  },
};

describe('the topology', function () {
  needsRoot(this);
  this.timeout(60_000);

  for (const [name, { paths, reaches, also }] of Object.entries(CASES)) {
    it(`${name} has its paths, and its hosts reach each other`, async () => {
      const plan = makePlan(await readTopology(new URL(`${name}.yaml`, DIRECTORY).pathname));
      expect(plan.topology).to.equal(name);
      await using lab = await Lab.up(plan);

      const live: Record<string, number> = {};
      for (const node of lab.nodes) {
        const status = await node.mpip?.status();
        const own = plan.paths.filter(({ from }) => from === node.name);
        const count = own.filter(({ source, destination }) =>
          status?.paths.some(
            (path) =>
              path.state === 'live' && path.source.address === source && path.destination.address === destination,
          ),
        ).length;
        if (count > 0) live[node.name] = count;
      }
      expect(live).to.deep.equal(paths);

      for (const [index, { from, source, to, address, port = PORT, at = port, seenAs }] of reaches.entries()) {
        using listener = await TcpListener.open(lab, to, at);
        using connection = new TcpConnection(lab, from, 4000 + index, { address, port }, source);
        expect(await connection.outcome, `${from} ${source ?? ''} to ${address}`).to.equal('connected');
        expect(await listener.last(1)).to.include({ address: seenAs });
      }
      await also?.(lab);
    });
  }

  it('of each file is tested, says in its first line what it is for, and has the name of its file', () => {
    const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.yaml'));
    expect(files.map((file) => file.replace('.yaml', ''))).to.have.members(Object.keys(CASES));
    for (const file of files) {
      expect(readFileSync(new URL(file, DIRECTORY), 'utf8'), file).to.match(/^# [A-Z].{20,140}\.\nname: /);
    }
  });
});
