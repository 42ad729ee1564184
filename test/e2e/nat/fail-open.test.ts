import { expect } from 'chai';
import { Lab } from '../../../lab/lab.js';
import { daemonOf } from '../mpip/hosts.js';
import { Stream } from '../mpip/stream.js';
import { needsRoot } from '../steering/needs-root.js';
import { differentNats, interfaceShares, livePaths, SERVER, usesBothInterfaces } from './networks.js';

/** What is asked of a connection whose mpipd is gone (issue 2): it goes on within this. */
const LONGEST_GAP_MS = 3000;

/** Receivers' windows stay smaller than what goes over MPIP: a middlebox that has not followed takes what comes after for forged. */
const sysctls = { 'net.ipv4.tcp_rmem': '4096 131072 524288' };

type Direction = 'up' | 'down';

const CASES: readonly { readonly killed: readonly string[]; readonly direction: Direction }[] = [
  { killed: ['server'], direction: 'up' },
  { killed: ['client', 'server'], direction: 'up' },
  { killed: ['client'], direction: 'down' },
  { killed: ['client', 'server'], direction: 'down' },
];

describe('behind a NAT that checks windows, mpipd fails open', function () {
  needsRoot(this);
  this.timeout(60_000);
  let lab: Lab;
  before(async () => {
    lab = await Lab.up(differentNats('port-restricted', { sysctls }));
    for (const router of ['home', 'mobile']) {
      await lab.node(router).exec(['sysctl', '-w', 'net.netfilter.nf_conntrack_tcp_be_liberal=0']);
    }
  });
  after(() => lab?.down());
  beforeEach(async () => {
    for (const node of ['client', 'server']) {
      if (daemonOf(lab.node(node)).pid === undefined) await daemonOf(lab.node(node)).restart();
    }
    await livePaths(lab, 'client', 2);
  });

  for (const { killed, direction } of CASES) {
    it(`kill -9 of ${killed.join(' and ')} during ${direction === 'up' ? 'an upload' : 'a download'}: it goes on natively within 3 s, and over MPIP after the restart`, async () => {
      const up = direction === 'up';
      const [from, to] = up ? ['client', 'server'] : ['server', 'client'];
      const listener = up ? 'receiver' : 'sender';
      await using stream = await Stream.start(lab, { from, to, address: SERVER, listener });
      await usesBothInterfaces(lab, stream, direction);
      await Promise.all(killed.map((node) => daemonOf(lab.node(node)).kill('SIGKILL')));
      await stream.flows(2e6);
      const [, second] = await interfaceShares(lab, stream, direction);
      expect(second).to.be.lessThan(0.01);
      for (const node of killed) await daemonOf(lab.node(node)).restart();
      await livePaths(lab, 'client', 2);
      await usesBothInterfaces(lab, stream, direction);
      const { longestGapMs } = await stream.finish();
      expect(longestGapMs).to.be.lessThan(LONGEST_GAP_MS);
    });
  }
});
