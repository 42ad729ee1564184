import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netlink } from '../../../src/host/netlink/netlink.js';
import { STEERING_DEFAULTS, Steering } from '../../../src/host/steering/steering.js';
import { connect, TestNamespace } from './namespace.js';
import { NativeRelay } from './native-relay.js';

export const PEER_IPV4 = '10.66.0.2';
export const PEER_IPV6 = 'fd66::2';

/** Host `a` with a TUN device mpip0 that outlives processes, joined to host `b` by eth0. */
export class Hosts implements Disposable {
  readonly a = new TestNamespace();
  readonly b = new TestNamespace();
  readonly netlink: Netlink;
  readonly stateDirectory = mkdtempSync(join(tmpdir(), 'mpip-steering-'));
  readonly tunIndex: number;

  /** `reversePath`: rp_filter of `a` before any interface is made. */
  constructor({ reversePath = 0 }: { reversePath?: number } = {}) {
    this.a.sysctl('net/ipv4/conf/all/rp_filter', 0);
    this.a.sysctl('net/ipv4/conf/default/rp_filter', reversePath);
    connect(this.a, this.b, 'eth0');
    this.a.ip('tuntap add mode tun name mpip0');
    this.a.ip('link set mpip0 up');
    this.netlink = this.a.inside(() => new Netlink());
    this.tunIndex = this.netlink.links().find((link) => link.name === 'mpip0')?.index ?? 0;
  }

  steering(): Steering {
    const { netlink, tunIndex, stateDirectory } = this;
    return new Steering({ ...STEERING_DEFAULTS, netlink, tunIndex, tunName: 'mpip0', stateDirectory });
  }

  /** Opens the TUN device, so that it has a carrier, and puts its packets back on the normal route. */
  relay(): NativeRelay {
    const relay = this.a.inside(() => new NativeRelay('mpip0', STEERING_DEFAULTS.mark));
    this.a.ip('link set mpip0 down');
    this.a.ip('link set mpip0 up');
    return relay;
  }

  /** All of `a` that steering may touch. */
  snapshot(): Record<string, unknown> {
    const { a } = this;
    return {
      rules: a.ip('rule').split('\n'),
      rules6: a.ip('-6 rule').split('\n'),
      routes: a.ip('route show table all').split('\n'),
      routes6: a.ip('-6 route show table all').split('\n'),
      reversePath: ['all', 'default', 'lo', 'eth0', 'mpip0'].map((name) => a.sysctl(`net/ipv4/conf/${name}/rp_filter`)),
    };
  }

  /** The interface and source address that a socket of `a` would get. */
  route(destination: string, mark = 0): { dev: string; src: string; mtu: number | undefined } {
    type Answer = { dev: string; prefsrc: string; metrics?: { mtu?: number }[] }[];
    const [{ dev, prefsrc, metrics }] = this.a.ipJson<Answer>(`route get ${destination} mark ${mark}`);
    return { dev, src: prefsrc, mtu: metrics?.[0]?.mtu };
  }

  [Symbol.dispose](): void {
    // Ends the read of a relay that is still waiting.
    this.a.ip('link del mpip0');
    this.netlink[Symbol.dispose]();
    this.a[Symbol.dispose]();
    this.b[Symbol.dispose]();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }
}
