/** What a node counts over all peers; shown by `status`. */
export class Counters {
  /** Packets from the TUN device that took MPIP, and that were put back on the normal route. */
  sentPackets = 0;
  nativePackets = 0;
  /** Packets that were longer than the paths carry, and whose sender was told so. */
  tooLong = 0;
  deliveredPackets = 0;
  /** Datagrams sent again because their path failed. */
  handedOver = 0;
  /** Datagrams thrown away: not MPIP or broken; of an unknown node; with a wrong tag; of an unknown session; control seen before. */
  malformed = 0;
  unknownNode = 0;
  badTag = 0;
  unknownSession = 0;
  replayed = 0;
  controlSent = 0;
  controlReceived = 0;
}
