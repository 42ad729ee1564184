import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { FIG4A_RATES, statusOf, twoHosts } from './hosts.js';
import { CLOSED_PORT, refusalsOf } from './refusals.js';

const RAW = fileURLToPath(new URL('programs/raw.ts', import.meta.url));
const SUBNETS = ['10.1.0.0/24', 'fd00:1::/64'] as const;
const ADDRESS = { ipv4: '10.1.0.2', ipv6: 'fd00:1::2' } as const;
const PROTOCOLS = { SCTP: 132, GRE: 47, ESP: 50 } as const;
/** From one byte to several fragments; all longer than the headers that the kernel may look for. */
const SIZES = [64, 500, 1400, 1460, 4000, 9000];

describe('between hosts with mpipd, as if it were not there', function () {
  this.timeout(60_000);

  let lab: Lab;
  before(async () => {
    lab = await Lab.up(twoHosts({ rates: FIG4A_RATES, subnets: SUBNETS }));
    await statusOf(lab.node('a'), ({ peers }) => (peers[0]?.steered.length === 2 ? null : 'not both are steered'));
  });
  after(() => lab?.down());

  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const [name, protocol] of Object.entries(PROTOCOLS)) {
      it(`unknown protocols and fragments reach the peer: ${name} over ${family}`, async () => {
        const program = [process.execPath, '--import', 'tsx', RAW];
        const lines: string[] = [];
        await using receiver = await lab
          .node('b')
          .spawn([...program, 'receive', family, String(protocol), String(SIZES.length)], {
            readyWhen: /^ready$/,
            onLine: (line, stream) => void (stream === 'stdout' && line.startsWith('[') && lines.push(line)),
          });
        const sender = [...program, 'send', ADDRESS[family], String(protocol), ...SIZES.map(String)];
        const { stdout } = await lab.node('a').exec(sender);
        await receiver.exited;
        expect(JSON.parse(lines[0]!)).to.deep.equal(JSON.parse(stdout));
      });
    }

    it(`ICMP errors about wrapped packets reach the application's socket: port unreachable over ${family}`, async () => {
      const address = ADDRESS[family];
      const refusals = await refusalsOf(lab, 'a', address);
      const { sessions } = await statusOf(lab.node('a'), () => null);
      const session = sessions.find(
        ({ destination }) => destination.address === address && destination.port === CLOSED_PORT,
      );
      expect(session?.state).to.equal('mpip');
      expect(session?.sentPackets).to.be.greaterThan(10);
      // More than the few packets that went natively while the session was opened have been answered.
      expect(refusals).to.be.greaterThan(5);
    });
  }
});
