/**
 * Messages to be gathered from pieces of memory and handed to the kernel: the core fills a batch, the host empties it.
 * Structure of arrays, made once, so that filling it allocates nothing.
 *
 * Wire batch: `target` is a route of `NodeIo.openRoute`; `segmentBytes` cuts the message into datagrams of that size (the last
 * may be shorter), 0 = one datagram. TUN batch: one message is one virtio_net_hdr + IP packet; `target` and `segmentBytes` are 0.
 */
export class GatherBatch {
  messages = 0;
  pieces = 0;
  readonly target: Int32Array;
  readonly segmentBytes: Int32Array;
  /** Index of a message's first piece; its pieces end where those of the next message start. */
  readonly firstPiece: Int32Array;
  readonly pieceOffset: Int32Array;
  readonly pieceBytes: Int32Array;

  constructor(
    readonly messageCapacity: number,
    readonly pieceCapacity: number,
  ) {
    this.target = new Int32Array(messageCapacity);
    this.segmentBytes = new Int32Array(messageCapacity);
    this.firstPiece = new Int32Array(messageCapacity + 1);
    this.pieceOffset = new Int32Array(pieceCapacity);
    this.pieceBytes = new Int32Array(pieceCapacity);
  }

  /** Whether one more message of `pieces` pieces fits. */
  fits(pieces: number): boolean {
    return this.messages < this.messageCapacity && this.pieces + pieces <= this.pieceCapacity;
  }

  /** Starts a message; `piece` adds to it, `end` closes it. */
  begin(target: number, segmentBytes: number): void {
    this.target[this.messages] = target;
    this.segmentBytes[this.messages] = segmentBytes;
    this.firstPiece[this.messages] = this.pieces;
  }

  piece(offset: number, bytes: number): void {
    this.pieceOffset[this.pieces] = offset;
    this.pieceBytes[this.pieces] = bytes;
    this.pieces++;
  }

  end(): void {
    this.messages++;
    this.firstPiece[this.messages] = this.pieces;
  }

  clear(): void {
    this.messages = 0;
    this.pieces = 0;
  }
}
