import { expect } from 'chai';
import { EarliestScheduler } from '../../../src/core/routing/earliest.js';
import { type PathDescription, PathTrait, traitsOf } from '../../../src/core/routing/path-traits.js';
import { RulePaths } from '../../../src/core/routing/rule-paths.js';
import type { PathSelector, RoutingMode, RoutingRule } from '../../../src/core/routing/rules.js';
import { Path } from '../../../src/core/tables/paths.js';
import { Peer } from '../../../src/core/tables/peers.js';

/** Paths over eth0, eth1, ... with these delays, us; their round trips are twice as long. */
function makePaths(...delays: (number | undefined)[]): Path[] {
  const peer = new Peer(new Uint8Array(8), 1, 1, new Uint8Array(32), false, new EarliestScheduler(), 1, 0, () => {});
  return delays.map((delay, i) => {
    const local = { id: i + 1, address: `10.${i + 1}.0.1`, interface: `eth${i}`, interfaceIndex: i + 2, mtu: 1500 };
    const path = new Path(peer, i + 1, local, { address: `10.${i + 1}.0.2`, port: 6747 }, i, undefined, 30e6, () => {});
    if (delay !== undefined) measure(path, delay);
    return path;
  });
}

let clock = 0;
function measure(path: Path, delay: number): void {
  clock += 1e6;
  path.delay.add(delay, clock);
  path.rtt = 2 * delay;
}

function rule(mode: RoutingMode, select: PathSelector = {}): RoutingRule {
  return { name: mode, match: {}, mode, select, copies: 2 };
}

const ids = (paths: readonly Path[]): number[] => paths.map(({ id }) => id);

describe('the paths of a rule', () => {
  it('are those that its selector takes, the fastest first, a path without a measurement last', () => {
    const paths = makePaths(30_000, 10_000, undefined, 20_000);
    const taken = (select: PathSelector): number[] => {
      const rulePaths = new RulePaths(rule('selected-paths', select));
      rulePaths.update(paths);
      return ids(rulePaths.paths);
    };
    expect(taken({})).to.deep.equal([2, 4, 1, 3]);
    expect(taken({ interfaces: ['eth0', 'eth1'] })).to.deep.equal([2, 1]);
    expect(taken({ addresses: ['10.4.0.1', '10.1.0.2'] })).to.deep.equal([4, 1]);
    expect(taken({ rttBelow: 40_000 })).to.deep.equal([2, 3]);
    paths[1]!.loss = 0.03;
    expect(taken({ lossBelow: 0.03 })).to.deep.equal([4, 1, 3]);
    expect(taken({ lossBelow: 0.04, rttBelow: 50_000, interfaces: ['eth1', 'eth3', 'eth9'] })).to.deep.equal([2, 4]);
  });

  it('have the names, are metered and are backups as the configuration of either end says', () => {
    const paths = makePaths(30_000, 10_000, 20_000);
    const descriptions: PathDescription[] = [
      { name: 'lte', interfaces: ['eth[1]', 'eth1'], metered: true, backup: false },
      { name: 'reserve', addresses: ['10.3.0.2'], metered: false, backup: true },
      { name: 'all', interfaces: ['eth?'], metered: false, backup: false },
    ];
    for (const path of paths) {
      path.traits = traitsOf(descriptions, path.local.interface, path.local.address, path.remote.address);
    }
    expect(paths.map(({ names }) => names.join())).to.deep.equal(['all', 'lte,all', 'reserve,all']);
    const taken = (select: PathSelector): number[] => {
      const rulePaths = new RulePaths(rule('selected-paths', select));
      rulePaths.update(paths);
      return ids(rulePaths.paths);
    };
    expect(taken({ names: ['lte', 'reserve'] })).to.deep.equal([2]);
    expect(taken({ metered: true })).to.deep.equal([2]);
    expect(taken({ metered: false })).to.deep.equal([1]);
    expect(taken({ backup: true })).to.deep.equal([3]);
    expect(taken({ interfaces: ['eth2'] })).to.deep.equal([3]);
    paths[0]!.peerTraits = PathTrait.BACKUP | PathTrait.METERED;
    expect(taken({})).to.deep.equal([2]);
    expect(taken({ metered: false })).to.deep.equal([3]);
    paths[1]!.peerTraits = PathTrait.BACKUP;
    expect(taken({})).to.deep.equal([2, 3, 1]);
  });

  it('are all that are usable when the selector takes none of them', () => {
    const paths = makePaths(30_000, 10_000);
    const rulePaths = new RulePaths(rule('selected-paths', { interfaces: ['wlan0'] }));
    rulePaths.update(paths);
    expect(ids(rulePaths.paths)).to.deep.equal([2, 1]);
    rulePaths.update([paths[0]!]);
    expect(ids(rulePaths.paths)).to.deep.equal([1]);
    rulePaths.update([]);
    expect(rulePaths.paths).to.deep.equal([]);
  });

  it('come back inside a bound once they are below nine tenths of it', () => {
    const [path, other] = makePaths(20_000, 10_000) as [Path, Path];
    const rulePaths = new RulePaths(rule('selected-paths', { rttBelow: 50_000 }));
    const isTaken = (rtt: number): boolean => {
      path.rtt = rtt;
      rulePaths.update([path, other]);
      return rulePaths.paths.includes(path);
    };
    expect([49_000, 50_000, 49_000, 45_000, 44_999, 49_000].map(isTaken)).to.deep.equal([
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
    rulePaths.update([other]);
    // One that was away begins anew.
    expect(isTaken(49_000)).to.equal(true);
  });
});

describe('single-path', () => {
  function single(paths: Path[]): { look(): number | undefined; rulePaths: RulePaths } {
    const rulePaths = new RulePaths(rule('single-path'));
    const look = (): number | undefined => {
      rulePaths.update(paths);
      return rulePaths.current?.id;
    };
    return { look, rulePaths };
  }

  it('begins on the fastest path', () => expect(single(makePaths(30_000, 10_000, 20_000)).look()).to.equal(2));

  it('moves to a path that is faster by 2 ms and a tenth of the round trip in two looks in a row', () => {
    const paths = makePaths(20_000, 25_000);
    const { look } = single(paths);
    expect(look()).to.equal(1);
    // 4 ms is a tenth of the 40 ms round trip.
    measure(paths[1]!, 16_100);
    expect([look(), look(), look()]).to.deep.equal([1, 1, 1]);
    measure(paths[1]!, 15_900);
    expect(look()).to.equal(1);
    measure(paths[1]!, 19_000);
    expect(look()).to.equal(1);
    measure(paths[1]!, 15_900);
    expect([look(), look()]).to.deep.equal([1, 2]);
  });

  it('does not move between short paths for less than 2 ms', () => {
    const paths = makePaths(3_000, 1_100);
    paths.reverse();
    const { look } = single(paths);
    expect(look()).to.equal(2);
    measure(paths[0]!, 4_000);
    expect([look(), look(), look()]).to.deep.equal([2, 2, 2]);
  });

  it('does not count looks at different paths together', () => {
    const paths = makePaths(50_000, 60_000, 60_000);
    const { look } = single(paths);
    expect(look()).to.equal(1);
    measure(paths[1]!, 10_000);
    expect(look()).to.equal(1);
    measure(paths[2]!, 5_000);
    expect(look()).to.equal(1);
    expect(look()).to.equal(3);
  });

  it('takes the next path at once when its own is not usable any more, and stays there when it comes back no faster', () => {
    const paths = makePaths(10_000, 11_000, 30_000);
    const { look } = single(paths);
    expect(look()).to.equal(1);
    const lost = paths.shift()!;
    expect(look()).to.equal(2);
    paths.push(lost);
    expect([look(), look(), look()]).to.deep.equal([2, 2, 2]);
  });

  it('stays where it is until there is a measurement of both paths', () => {
    const paths = makePaths(undefined, undefined);
    const [first, second] = paths as [Path, Path];
    const { look } = single(paths);
    expect(look()).to.equal(1);
    measure(second, 10_000);
    expect([look(), look(), look()]).to.deep.equal([1, 1, 1]);
    measure(first, 20_000);
    expect([look(), look()]).to.deep.equal([1, 2]);
  });
});
