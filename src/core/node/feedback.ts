/** What the two ends of a path tell each other of it: delays in the CM, reports of what came, heartbeats of what was sent. */
import type { IncomingPath, Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import { CmType, type Heartbeat, type Report } from '../wire/control.js';
import { MAX_REPORT_PATHS, type PathReport } from '../wire/path-reports.js';
import type { ControlChannel } from './control-channel.js';

/** What the peer's word shows. */
export interface FeedbackEvents {
  /** The peer receives on the path. */
  confirmed(path: Path, now: number): void;
  /** The longest datagram that came since the report before (bytes of UDP payload), and the share that was lost, 0 to 1. */
  arrived(path: Path, longest: number, lost: number, now: number): void;
}

export class Feedback {
  constructor(
    private readonly control: ControlChannel,
    private readonly events: FeedbackEvents,
  ) {}

  /** Delay of a path fed back in a CM. It has waited at the peer for a packet to take it, nobody knows how long: reports tell what has arrived. */
  delayReceived(peer: Peer, pathId: number, rawDelay: number, rtt: number, now: number): void {
    const path = peer.pathById[pathId];
    if (path === undefined) return;
    path.delay.add(peer.relativeFeedback(rawDelay), now, path.capacity.isLoaded);
    const age = Math.max(rtt, 0);
    path.addRoundTrip(age, now);
    peer.scheduler.delaySample(path, age, now);
    this.events.confirmed(path, now);
  }

  reportReceived(peer: Peer, report: Report, now: number): void {
    for (const entry of report.paths) {
      const path = peer.pathById[entry.path];
      if (path === undefined) continue;
      // One that came by two paths, or was overtaken by the next.
      const packets = (entry.packets - path.reportedPackets) | 0;
      if (packets <= 0) continue;
      const lost = (entry.lost - path.reportedLost) | 0;
      path.reportedPackets = entry.packets;
      path.reportedLost = entry.lost;
      const share = Math.min(1, Math.max(0, lost) / (packets + Math.max(0, lost)));
      path.loss += (share - path.loss) / 8;
      this.events.arrived(path, entry.longest, share, now);
      // The receiver's clock minus the delay is our own clock when the packet left.
      const age = Math.max(0, (now - (entry.lastArrival - entry.delay)) | 0);
      path.confirmedSentAt = Math.max(path.confirmedSentAt, now - age);
      path.delay.add(peer.relativeFeedback(entry.delay), now, path.capacity.isLoaded);
      const leastQueuing = peer.relativeFeedback(entry.minDelay) - path.delay.min;
      path.capacity.report(entry.bytes, entry.lastArrival, leastQueuing);
      path.steadyLoss.report(packets, Math.max(0, lost), path.delay.isFull(leastQueuing), now);
      peer.scheduler.delaySample(path, age, now);
      this.events.confirmed(path, now);
    }
  }

  /** How many packets the peer has sent on one of its paths, which keeps its packets in order: the rest of them is lost. */
  heartbeatReceived(path: IncomingPath, message: Heartbeat): void {
    path.lost = Math.max(0, (message.sentPackets - path.packets) | 0);
  }

  /**
   * What has come on the peer's paths since the last report, on the path that data would take and on the others in turn: who only
   * receives learns late that a path swallows what is sent there, and a sender that hears nothing gives up the paths that work.
   */
  report(peer: Peer, now: number): void {
    const paths: PathReport[] = [];
    for (const path of peer.incomingPaths) {
      if (path.packets === path.reportedPackets || paths.length === MAX_REPORT_PATHS) continue;
      path.reportedPackets = path.packets;
      paths.push({
        path: path.id,
        packets: path.packets >>> 0,
        bytes: path.bytes >>> 0,
        lost: path.lost,
        lastArrival: path.lastArrival >>> 0,
        delay: path.arrivalDelay,
        minDelay: path.leastDelay,
        jitter: Math.min(path.jitter, 0xffffffff) >>> 0,
        longest: path.longest,
      });
      path.longest = 0;
    }
    peer.feedbackAt = now;
    if (paths.length === 0 || peer.usable.length === 0) return;
    const report: Report = { type: CmType.report, paths };
    const best = peer.scheduler.choose(peer.preferred, 0, 1, now);
    peer.reportTurn = (peer.reportTurn + 1) % peer.preferred.length;
    const other = peer.preferred[peer.reportTurn];
    this.control.send(best, report, now);
    if (other !== best) this.control.send(other, report, now);
  }

  heartbeat(path: Path, now: number): void {
    if (path.sentPackets === path.announcedPackets) return;
    path.announcedPackets = path.sentPackets;
    const sentPackets = path.sentPackets >>> 0;
    this.control.send(path, { type: CmType.heartbeat, sentPackets, sentBytes: path.sentBytes >>> 0 }, now);
  }
}
