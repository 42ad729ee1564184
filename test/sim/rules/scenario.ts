/** Two nodes with rules, and on which of the paths each data packet of theirs leaves. */
import { expect } from 'chai';
import type { NodeConfig } from '../../../src/core/config.js';
import type { PacketMatch, PathSelector, RoutingMode, RoutingRule } from '../../../src/core/routing/rules.js';
import type { PathStatus, SessionStatus } from '../../../src/core/status.js';
import { CM_BYTES, CmFlag, cmFlags, cmType, TAG_BYTES } from '../../../src/core/wire/cm.js';
import { CmType } from '../../../src/core/wire/control.js';
import { TwoHosts } from '../scenario/two-hosts.js';
import type { LinkParameters } from '../world/link.js';
import { pace, type UdpFlow } from '../world/udp.js';

export const TCP = 6;
export const DATAGRAM = 200;
export const INTERVAL = 2_000;
/** Nothing is dropped by a queue: what is lost then is the fault of the nodes. */
const ROOM = { rate: 50e6, queueBytes: 4 << 20 };

export function rule(mode: RoutingMode, select: PathSelector = {}, match: PacketMatch = {}): RoutingRule {
  return { name: mode, match, mode, select, copies: mode === 'protected-path' ? 2 : 1 };
}

export function link(delay: number, more: Partial<LinkParameters> = {}): Partial<LinkParameters> {
  return { ...ROOM, delay, ...more };
}

export class Scenario {
  readonly hosts: TwoHosts;
  /** Data packets on each path so far, by the sending node. */
  readonly sent: Record<'a' | 'b', number[]>;
  /** Copies that only count, likewise. */
  readonly tried: Record<'a' | 'b', number[]>;

  constructor(
    links: readonly Partial<LinkParameters>[],
    config: Partial<NodeConfig>,
    seed = 1,
    told: 'a' | 'both' = 'both',
  ) {
    const paths = links.map((both) => ({ family: 4 as const, forward: both, backward: both }));
    const gro = { mpipd: { gro: true } };
    this.hosts = new TwoHosts({ seed, cross: false, paths, a: gro, b: gro });
    this.sent = { a: links.map(() => 0), b: links.map(() => 0) };
    this.tried = { a: links.map(() => 0), b: links.map(() => 0) };
    this.hosts.start('a', { ...config, peers: [this.hosts.address('b')] });
    this.hosts.start('b', told === 'both' ? config : {});
    for (const name of ['a', 'b'] as const) {
      const addresses = links.map((_, i) => this.hosts.address(name, i));
      this.hosts.mpipd(name).udp.tap = (local, _, payload) => {
        const cm = payload.length - CM_BYTES - TAG_BYTES;
        if (cm < 0 || (cmFlags(payload, cm) & CmFlag.AUTHENTICATED) === 0) return;
        const type = cmType(payload, cm);
        if (type === CmType.data) this.sent[name][addresses.indexOf(local)]!++;
        if (type === CmType.trial) this.tried[name][addresses.indexOf(local)]!++;
      };
    }
    this.clock.runUntil(1e6);
  }

  get clock() {
    return this.hosts.world.clock;
  }

  /** A flow of datagrams from a to b for as long as the world goes, in MPIP when this returns. */
  flow(bytes = DATAGRAM): { flow: UdpFlow; stop(): void } {
    const flow = this.hosts.udp('forward');
    let stopped = false;
    pace(flow, { interval: INTERVAL, bytes: () => bytes }, () => stopped);
    expect(this.clock.run(this.clock.now + 10e6, () => flow.arrivals.at(-1)?.via === 'tun')).to.equal(true);
    this.pass(0.5e6);
    return {
      flow,
      stop: () => {
        stopped = true;
        this.pass(1e6);
      },
    };
  }

  pass(us: number): void {
    this.clock.runUntil(this.clock.now + us);
  }

  /** Data packets that `from` puts on each path during the next `us`. */
  during(us: number, from: 'a' | 'b' = 'a'): number[] {
    const before = [...this.sent[from]];
    this.pass(us);
    return this.sent[from].map((count, i) => count - before[i]!);
  }

  setRules(name: 'a' | 'b', rules: readonly RoutingRule[]): void {
    const { node, host } = this.hosts.mpipd(name);
    node.setRules(rules, host.now());
    node.flush(host.now());
  }

  packetsOf(name: 'a' | 'b', ruleName: string): number {
    return this.hosts.status(name).rules.find((other) => other.name === ruleName)!.packets;
  }

  bytesOf(name: 'a' | 'b', ruleName: string): number {
    return this.hosts.status(name).rules.find((other) => other.name === ruleName)!.bytes;
  }

  session(name: 'a' | 'b', protocol: 'tcp' | 'udp'): SessionStatus {
    return this.hosts.status(name).sessions.find((session) => session.protocol === protocol)!;
  }

  path(name: 'a' | 'b', number: number): PathStatus {
    const [near, far] = [this.hosts.address(name, number), this.hosts.address(name === 'a' ? 'b' : 'a', number)];
    const { paths } = this.hosts.status(name);
    return paths.find(({ source, destination }) => source.address === near && destination.address === far)!;
  }
}

/** All datagrams came, each once, in order, and none was late. */
export function expectPerfect(scenario: Scenario, flow: UdpFlow): void {
  expect(flow.missing()).to.deep.equal([]);
  expectOnceInOrder(scenario, flow);
}

export function expectOnceInOrder(scenario: Scenario, flow: UdpFlow): void {
  expect(flow.foreign).to.equal(0);
  expect(flow.duplicates()).to.deep.equal([]);
  expect(flow.inversions()).to.deep.equal([]);
  expect(scenario.session('b', 'udp').reorder.late).to.equal(0);
}

export function expectOnly(counts: readonly number[], path: number): void {
  expect(counts[path], String(counts)).to.be.greaterThan(100);
  expect(
    counts.filter((_, i) => i !== path).every((count) => count === 0),
    String(counts),
  ).to.equal(true);
}
