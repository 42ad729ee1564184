import { closeSync, readSync } from 'node:fs';

/**
 * Counters of an interface since it was made. A veth counts a super-packet (TSO, GSO) as one packet and its headers once;
 * behind a rate limit packets are counted as they are on the wire.
 */
export interface InterfaceCounters {
  readonly interface: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/** Counters of what leaves an interface through the kernel's token bucket, netem, or netem with a bucket behind it. */
export interface QueueCounters {
  /** Packets and bytes with Ethernet headers that left; duplicates of netem's are packets of their own. */
  readonly packets: number;
  readonly bytes: number;
  /** What waits, or is held for a delay. */
  readonly waitingPackets: number;
  readonly waitingBytes: number;
  /** Packets for which there was no room in front of the rate. */
  readonly droppedByQueue: number;
  /** Packets that netem lost. */
  readonly lost: number;
}

/** What tc(8) tells of one queueing discipline (`tc -s -j qdisc show`). */
interface QdiscStatistics {
  readonly kind: string;
  readonly root?: boolean;
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly backlog: number;
  readonly qlen: number;
}

/** Output of `tc -s -j qdisc show dev DEVICE`. netem counts what it loses and what the bucket behind it drops as one. */
export function parseQueueCounters(json: string): QueueCounters {
  const all = JSON.parse(json) as QdiscStatistics[];
  const root = all.find((own) => own.root === true);
  if (root === undefined) throw new TypeError(`tc shows no root: ${json}`);
  const bucketDrops = all.find(({ kind }) => kind === 'tbf')?.drops ?? 0;
  return {
    packets: root.packets,
    bytes: root.bytes,
    waitingPackets: root.qlen,
    waitingBytes: root.backlog,
    droppedByQueue: bucketDrops,
    lost: root.kind === 'netem' ? root.drops - bucketDrops : 0,
  };
}

/** Bytes of /proc/net/dev: 130 an interface, and nodes have few; the rest is read in a second turn. */
const CHUNK_BYTES = 16 << 10;

/** An open /proc/net/dev, which goes on to show the network namespace that it was opened in, whoever reads. */
export class CounterSource implements Disposable {
  #descriptor: number | undefined;
  readonly #buffer = Buffer.alloc(CHUNK_BYTES);

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** All interfaces, lo excluded; no process and no other thread is involved. */
  read(): InterfaceCounters[] {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return [];
    let text = '';
    for (let position = 0; ; ) {
      const bytes = readSync(descriptor, this.#buffer, 0, CHUNK_BYTES, position);
      if (bytes === 0) return parseCounters(text);
      text += this.#buffer.toString('latin1', 0, bytes);
      position += bytes;
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** proc(5), /proc/net/dev: two lines of headings, then a name and 8 + 8 counters each. */
export function parseCounters(text: string): InterfaceCounters[] {
  return text.split('\n').flatMap((line) => {
    const [name, values] = line.split(':');
    if (name === undefined || values === undefined) return [];
    const [rxBytes = 0, rxPackets = 0, , rxDropped = 0, , , , , txBytes = 0, txPackets = 0, , txDropped = 0] = values
      .trim()
      .split(/\s+/)
      .map(Number);
    const device = name.trim();
    if (device === 'lo') return [];
    return [{ interface: device, rxBytes, rxPackets, txBytes, txPackets, rxDropped, txDropped }];
  });
}
