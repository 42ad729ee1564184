import { expect } from 'chai';
import { Internet, SERVER } from './scenario/internet.js';
import { TwoHosts } from './scenario/two-hosts.js';
import type { Host } from './world/host.js';
import { type Endpoint, udpPacket } from './world/packet.js';

const LINK = { rate: 20e6, delay: 5_000 };

/** Sends a datagram each 20 ms to where nobody listens, for `us`. */
function knock(host: Host, source: Endpoint, destination: Endpoint, us: number): void {
  const { clock } = host;
  const end = clock.now + us;
  const step = (): void => {
    if (clock.now >= end) return;
    host.send(udpPacket({ source, destination, payload: new Uint8Array(100) }, 0, 0));
    clock.after(20_000, step);
  };
  step();
  clock.runUntil(end + 200_000);
}

describe('ICMP errors about packets of sessions reach the application', () => {
  for (const family of [4, 6] as const) {
    it(`whose original path is dead (IPv${family})`, () => {
      const paths = [0, 1].map(() => ({ family, forward: LINK, backward: LINK }));
      const hosts = new TwoHosts({ seed: family, cross: false, paths });
      hosts.start('a', { peers: [hosts.address('b')] });
      hosts.start('b');
      const { clock } = hosts.world;
      clock.runUntil(1e6);
      const source = { address: hosts.address('a'), port: 5000 };
      const destination = { address: hosts.address('b'), port: 5999 };
      knock(hosts.a.host, source, destination, 1e6);
      expect(hosts.status('a').sessions.map(({ state }) => state)).to.deep.equal(['mpip']);
      for (const way of [hosts.forward[0]!, hosts.backward[0]!]) way.setUp(false);
      // Nothing tells an idle node: what is sent at first finds it out.
      knock(hosts.a.host, source, destination, 1e6);
      const before = hosts.a.host.refusals.length;
      knock(hosts.a.host, source, destination, 2e6);
      const heard = hosts.a.host.refusals.slice(before);
      expect(heard.length).to.be.within(95, 101);
      for (const refusal of heard) expect(refusal).to.deep.equal({ protocol: 17, source, destination });
    });
  }

  it('that are behind a NAT, which changes their ports and drops ICMP', () => {
    const internet = new Internet(1);
    const { clock } = internet;
    const server = internet.host('server', [{ address: SERVER }]);
    const nat = internet.nat('198.51.100.1', { type: 'symmetric' });
    const client = internet.host('client', [{ address: '192.168.1.2', nat }]);
    internet.start(server);
    internet.start(client, { peers: [SERVER] });
    clock.runUntil(1e6);
    const source = { address: '192.168.1.2', port: 5000 };
    const destination = { address: SERVER, port: 5999 };
    knock(client, source, destination, 2e6);
    const before = client.refusals.length;
    knock(client, source, destination, 2e6);
    expect(internet.status(client).sessions.map(({ state }) => state)).to.deep.equal(['mpip']);
    const heard = client.refusals.slice(before);
    // One datagram in each keep-alive goes natively; its error cannot come back.
    expect(heard.length).to.be.within(95, 101);
    for (const refusal of heard) expect(refusal).to.deep.equal({ protocol: 17, source, destination });
  });
});
