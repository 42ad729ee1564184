import type { Endpoint } from '../io.js';
import type { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import { CM_BYTES, CmFlag, TAG_BYTES, writeCm } from '../wire/cm.js';
import { type ControlMessage, encodeControl, type Hello, MAX_PROBE_BYTES, type Welcome } from '../wire/control.js';
import type { NodeContext } from './context.js';
import { seal } from './seal.js';

/** Sends control messages; each leaves at once. */
export class ControlChannel {
  private readonly scratch: number;

  constructor(private readonly context: NodeContext) {
    this.scratch = context.memory.allocate(MAX_PROBE_BYTES + CM_BYTES + TAG_BYTES);
  }

  /** To a node whose keys are not known yet: no tag. */
  introduce(message: Hello | Welcome, local: number, remote: Endpoint, now: number): void {
    const route = this.context.io.openRoute(local, remote);
    const bytes = this.write(message, 0, 0, 0, undefined, now);
    this.emit(route, bytes);
    this.context.io.closeRoute(route);
  }

  /** To a peer on one of its paths. `session` is the CM's session id, `fromOpener` says in whose number space it is. */
  send(path: Path, message: ControlMessage, now: number, session = 0, fromOpener = false): void {
    const bytes = this.write(message, fromOpener ? CmFlag.FROM_OPENER : 0, session, path.id, path.peer, now);
    this.emit(path.route, bytes);
  }

  private write(
    message: ControlMessage,
    flags: number,
    session: number,
    path: number,
    peer: Peer | undefined,
    now: number,
  ): number {
    const { context, scratch } = this;
    const b = context.memory.bytes;
    const body = encodeControl(message, b, scratch);
    const cmAt = scratch + body;
    const authenticated = peer?.authenticated === true;
    const feedback = peer?.takeFeedback(now);
    writeCm(
      b,
      cmAt,
      message.type,
      flags | (authenticated ? CmFlag.AUTHENTICATED : 0) | (feedback === undefined ? 0 : CmFlag.FEEDBACK),
      context.key,
      session,
      path,
      feedback?.id ?? 0,
      now,
      feedback?.rawDelay ?? 0,
      peer === undefined ? 0 : peer.controlSequence++,
      context.digest,
    );
    if (!authenticated) return body + CM_BYTES;
    seal(peer.mac, b, cmAt, scratch, body, body + CM_BYTES + TAG_BYTES);
    return body + CM_BYTES + TAG_BYTES;
  }

  private emit(route: number, bytes: number): void {
    const { io, counters } = this.context;
    io.wire.begin(route, 0);
    io.wire.piece(this.scratch, bytes);
    io.wire.end();
    io.sendWire();
    counters.controlSent++;
  }
}
