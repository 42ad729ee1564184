import type { Source } from '../io.js';
import { TcpConnection } from '../tables/connections.js';
import type { Path } from '../tables/paths.js';
import type { Peer } from '../tables/peers.js';
import { CM_BYTES, CmFlag, TAG_BYTES, writeCm } from '../wire/cm.js';
import { type ControlMessage, encodeControl, type Hello, MAX_PROBE_BYTES, type Welcome } from '../wire/control.js';
import { HEADER_BYTES as TCP_BYTES } from '../wire/tcp.js';
import type { NodeContext } from './context.js';
import { seal } from './seal.js';

/** Sends control messages; each leaves at once. */
export class ControlChannel {
  /** Where a message's body starts; in front of it is room for the header of a TCP segment. */
  private readonly scratch: number;

  constructor(private readonly context: NodeContext) {
    this.scratch = context.memory.allocate(TCP_BYTES + MAX_PROBE_BYTES + CM_BYTES + TAG_BYTES) + TCP_BYTES;
  }

  /** To a node whose keys are not known yet: no tag. Goes back the way that something has come, or is to come. */
  introduce(message: Hello | Welcome, local: number, to: Pick<Source, 'endpoint'>, now: number): void {
    const { io } = this.context;
    const bytes = this.write(message, 0, 0, 0, undefined, now);
    if (to instanceof TcpConnection) {
      this.emit(to.route, to, bytes);
      return;
    }
    const route = io.openRoute(local, to.endpoint(), 'udp');
    this.emit(route, undefined, bytes);
    io.closeRoute(route);
  }

  /** To a peer on one of its paths. `session` is the CM's session id, `fromOpener` says in whose number space it is. */
  send(path: Path, message: ControlMessage, now: number, session = 0, fromOpener = false): void {
    const bytes = this.write(message, fromOpener ? CmFlag.FROM_OPENER : 0, session, path.id, path.peer, now);
    this.emit(path.route, path.connection, bytes);
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

  private emit(route: number, connection: TcpConnection | undefined, bytes: number): void {
    const { io, counters, memory } = this.context;
    if (connection?.tcp.carries === false) return;
    io.wire.begin(route, 0);
    if (connection === undefined) {
      io.wire.piece(this.scratch, bytes);
    } else {
      connection.tcp.writeData(memory.bytes, this.scratch - TCP_BYTES, bytes);
      io.wire.piece(this.scratch - TCP_BYTES, TCP_BYTES + bytes);
    }
    io.wire.end();
    io.sendWire();
    counters.controlSent++;
  }
}
