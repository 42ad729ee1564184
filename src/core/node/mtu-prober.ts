/** Keeps every path's MTU known without relying on ICMP: probes of padded size with DF set (RFC 8899), answered by the peer. */
import type { Address } from '../io.js';
import { get16, set16 } from '../memory.js';
import type { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import { Timer } from '../timers.js';
import { CmType } from '../wire/control.js';
import type { NodeContext } from './context.js';
import type { ControlChannel } from './control-channel.js';
import { equal } from './handshake.js';
import { trailerBytes } from './seal.js';

/** A path that takes long packets is asked whether it still carries them when none is reported to have arrived for so long. */
const VERIFY_US = 500_000;
/** A path that carries less than its interface is asked for more so often (RFC 8899 section 5.1.1 says 10 minutes; people move faster). */
const RAISE_US = 60_000_000;
const ANSWER_WAIT_US = 100_000;
/** With so large a share of a report's packets lost, long ones may be lost for their length. */
const SUSPICIOUS_LOSS = 0.5;

export class MtuProber {
  constructor(
    private readonly context: NodeContext,
    private readonly control: ControlChannel,
    /** The MTU of a path is known, or has changed. */
    private readonly changed: (path: Path) => void,
  ) {}

  /** The path answers (again). */
  begin(path: Path, now: number): void {
    if (!path.mtu.known) path.mtu.search();
    else path.mtu.verify();
    this.start(path, now);
  }

  /** While data flows, each TICK_US. */
  check(path: Path, now: number): void {
    const { mtu } = path;
    if (mtu.searching || !mtu.known) return;
    if (path.longestSent > path.limitOf(mtu.least) && now - path.mtuSoughtAt > VERIFY_US) {
      mtu.verify();
      this.start(path, now);
    } else if (mtu.mayGrow && now - path.mtuRaisedAt > RAISE_US) {
      path.mtuRaisedAt = now;
      mtu.search();
      this.start(path, now);
    }
  }

  /** The longest datagram that has come lately, bytes, and the share of lost ones. Data that arrives is the best of all probes. */
  reported(path: Path, longest: number, share: number, now: number): void {
    const { mtu } = path;
    if (longest >= path.longestSent) {
      path.longestSent = 0;
      path.mtuSoughtAt = now;
      if (mtu.confirm()) this.end(path);
      return;
    }
    if (share < SUSPICIOUS_LOSS || mtu.searching || !mtu.known || now - path.mtuSoughtAt < ANSWER_WAIT_US) return;
    mtu.verify();
    this.start(path, now);
  }

  /** ICMP, or the own interface, says that packets from here to there must not be longer than `size` bytes. */
  tooLong(local: number, remote: Address, size: number, now: number): void {
    for (const peer of this.context.peers.values()) {
      for (const path of peer.paths) {
        if (path.local.id !== local || path.remote.address !== remote || path.mtu.searching) continue;
        path.mtu.doubt(size);
        if (path.mtu.searching) this.start(path, now);
      }
    }
  }

  /** Whether the challenge is one of these probes. */
  answered(peer: Peer, challenge: Uint8Array, now: number): boolean {
    const path = peer.paths.find(
      (candidate) =>
        candidate.mtu.searching && equal(candidate.mtuToken, challenge.subarray(0, candidate.mtuToken.length)),
    );
    if (path === undefined) return false;
    const before = path.mtu.size;
    const more = path.mtu.answered(get16(challenge, path.mtuToken.length));
    this.goOn(path, more, before, now);
    return true;
  }

  /** The path is removed. */
  end(path: Path): void {
    if (path.mtuTimer !== undefined) this.context.timers.clear(path.mtuTimer);
  }

  private expired(path: Path, now: number): void {
    const before = path.mtu.size;
    this.goOn(path, path.mtu.expired(), before, now);
  }

  private start(path: Path, now: number): void {
    path.mtuToken.set(this.context.io.crypto.randomBytes(path.mtuToken.length));
    path.mtuSoughtAt = now;
    path.longestSent = 0;
    this.send(path, now);
  }

  private goOn(path: Path, more: boolean, sizeBefore: number, now: number): void {
    const { mtu } = path;
    if (more) this.send(path, now);
    if (!mtu.searching) {
      this.end(path);
      path.mtuSoughtAt = now;
    }
    if (mtu.size !== sizeBefore || (!mtu.searching && !path.mtuTold)) {
      path.mtuTold = mtu.known;
      this.changed(path);
    }
  }

  private send(path: Path, now: number): void {
    const challenge = new Uint8Array(path.mtuToken.length + 2);
    challenge.set(path.mtuToken);
    for (const size of path.mtu.asked) {
      set16(challenge, path.mtuToken.length, size);
      const bytes = path.limitOf(size) - trailerBytes(path.peer.authenticated);
      this.control.send(path, { type: CmType.probe, challenge, path: path.id, ...path.nearEnd, bytes }, now);
    }
    path.mtuTimer ??= new Timer((at) => this.expired(path, at));
    this.context.timers.set(path.mtuTimer, now + Math.max(ANSWER_WAIT_US, 3 * path.rtt));
  }
}
