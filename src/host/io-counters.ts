/** What the host layer did, since its start. Plain numbers: the loop adds, `status` copies. */
export class IoCounters {
  tunReadPackets = 0;
  tunReadBytes = 0;
  tunWrittenPackets = 0;
  tunWrittenBytes = 0;
  /** The kernel refused a packet for the TUN device. */
  tunWriteErrors = 0;
  wireReceivedMessages = 0;
  wireReceivedBytes = 0;
  /** Dropped, because all receive slots were held. */
  wireReceiveNoSlot = 0;
  /** Dropped, because longer than a slot. */
  wireReceiveTruncated = 0;
  wireReceiveErrors = 0;
  /** TCP segments dropped for their checksum. */
  wireReceiveDamaged = 0;
  wireSentMessages = 0;
  wireSentBytes = 0;
  /** Dropped by a full queue: of the socket (EAGAIN) or of the interface (ENOBUFS). */
  wireSendQueueFull = 0;
  /** Dropped, because a datagram is longer than the path's MTU (EMSGSIZE). */
  wireSendTooLong = 0;
  /** Dropped, because the route's local address is gone. */
  wireSendNoSocket = 0;
  wireSendErrors = 0;
  /** Messages that had to be sent datagram by datagram. */
  wireSendUnsegmented = 0;
  nativeSentPackets = 0;
  nativeSendErrors = 0;
}
