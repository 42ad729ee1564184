import { resolve } from 'node:path';
import type { Backend } from '../backend/backend.js';
import type { QueueCounters } from '../backend/counters.js';
import { LabError } from '../error.js';
import type { Emulator, Plan, PlannedEmulation, PlannedEnd, PlannedLink, Shaping } from '../plan/plan.js';
import { relayShaping, shapingFor } from '../plan/shaping.js';
import type { LabDirectory } from '../record/directory.js';
import { askRelay } from '../relay/client.js';
import type { RelayCounters, RelayRequest } from '../relay/protocol.js';
import { livingRelays, relaySocket } from '../relay/start.js';
import type { LinkEnd, Loss, QueueLimit } from '../topology/topology.js';
import { readTrace } from '../topology/traces.js';

/** What changes about a link; what is left out stays as it is. */
export interface LinkChange {
  /**
   * `down`: the node `at` sees its carrier go, since the far end is set down; at a relayed link both ends see it, and nothing of theirs is
   * set. `up`: both ends are up and have their routes again.
   */
  readonly carrier?: 'up' | 'down';
  /** With `carrier: 'down'`: a node at the link; default its first end. */
  readonly at?: string;
  /** bit/s. */
  readonly rateBps?: number;
  /** Default: as many bytes as before, however long they take at a new rate. */
  readonly limit?: QueueLimit;
  /** One way. This and what follows: only of links that have an emulator (any of these keys in the file). */
  readonly delayUs?: number;
  readonly jitterUs?: number;
  readonly loss?: Loss | null;
  /** Shares, 0 to 1. */
  readonly reorder?: number;
  readonly duplicate?: number;
  /** A file, as in topologies, that the link follows from now on in place of a rate. Only of relayed links. */
  readonly trace?: string;
  /** Changes the direction that starts at this node only; the carrier has no direction. */
  readonly from?: string;
}

/** What a link carried and dropped, for one direction. null: whoever does the work does not count that. */
export interface LinkCounters {
  readonly from: string;
  /** That came to the link: delivered, dropped, or still on it. */
  readonly packets: number;
  /** The same in bytes with Ethernet headers; what the kernel (tbf, netem) drops is not among them. */
  readonly bytes: number;
  /** Duplicates among them. */
  readonly delivered: number;
  readonly duplicated: number | null;
  readonly reordered: number | null;
  readonly dropped: {
    readonly queue: number;
    readonly loss: number;
    readonly carrier: number | null;
    readonly overload: number | null;
    readonly refused: number | null;
  };
}

const SHAPING = ['rateBps', 'limit'] as const;
const EMULATION = ['delayUs', 'jitterUs', 'loss', 'reorder', 'duplicate', 'trace'] as const;

/** A link of a running lab. */
export interface LabLink {
  readonly name: string;
  readonly ends: readonly [LinkEnd, LinkEnd];
  /** What leaves each end is shaped as this says; null: not at all. */
  readonly shaping: readonly [Shaping | null, Shaping | null];
  readonly emulator: Emulator;
  /** Whether its carrier was taken away by `set`. */
  readonly cut: boolean;
  /** null: nothing but a rate is emulated. */
  readonly emulation: readonly [PlannedEmulation | null, PlannedEmulation | null];
  /** Throws LabError (E_LAB_LINK for a change that makes no sense, E_LAB_TRACE, E_LAB_RELAY), LabCommandError. */
  set(change: LinkChange): Promise<void>;
  /**
   * Since the link was made or calibrated, in order of `ends`; null where nothing but the veth pair makes the link, whose interfaces
   * have counters of their own. Throws LabError (E_LAB_RELAY), LabCommandError.
   */
  counters(): Promise<readonly [LinkCounters, LinkCounters] | null>;
}

export class RunningLink implements LabLink {
  readonly name: string;
  readonly ends: readonly [LinkEnd, LinkEnd];

  constructor(
    private readonly directory: LabDirectory,
    private readonly backend: Backend,
    planned: PlannedLink,
  ) {
    this.name = planned.name;
    const [a, b] = planned.ends;
    this.ends = [
      { node: a.node, interface: a.interface },
      { node: b.node, interface: b.interface },
    ];
  }

  get shaping(): readonly [Shaping | null, Shaping | null] {
    const [a, b] = this.#planned(this.directory.plan).ends;
    return [a.shaping, b.shaping];
  }

  get emulator(): Emulator {
    return this.#planned(this.directory.plan).emulator;
  }

  get cut(): boolean {
    return this.#planned(this.directory.plan).cut ?? false;
  }

  get emulation(): readonly [PlannedEmulation | null, PlannedEmulation | null] {
    const [a, b] = this.#planned(this.directory.plan).ends;
    return [a.emulation, b.emulation];
  }

  async set(wanted: LinkChange): Promise<void> {
    const change = wanted.trace === undefined ? wanted : { ...wanted, trace: resolve(wanted.trace) };
    for (const node of [change.at, change.from]) {
      if (node === undefined || this.ends.some((end) => end.node === node)) continue;
      throw this.#refusal(`${node} is not at this link; its ends: ${this.ends.map((end) => end.node).join(', ')}`);
    }
    const changed = [...SHAPING, ...EMULATION].filter((key) => change[key] !== undefined);
    if (changed.length > 0) await this.#alter(change);
    else if (change.from !== undefined)
      throw this.#refusal('"from" goes with what a direction has of its own, such as a rate');
    if (change.at !== undefined && change.carrier !== 'down') throw this.#refusal('"at" goes with carrier=down');
    if (change.carrier === undefined) return;
    const plan = this.directory.plan;
    const link = this.#planned(plan);
    const { carrier, at = this.ends[0].node } = change;
    if (link.emulator === 'relay') await this.#ask({ what: 'carrier', link: this.name, up: carrier === 'up' });
    else await this.backend.setCarrier(this.directory.record, plan, link, carrier, at);
    this.#replace({ ...link, cut: carrier === 'down' });
  }

  async counters(): Promise<readonly [LinkCounters, LinkCounters] | null> {
    const link = this.#planned(this.directory.plan);
    if (link.emulator === 'none') return null;
    if (link.emulator !== 'relay') {
      const [a, b] = await this.backend.queueCounters(this.directory.record, link);
      return [kernelCounters(this.ends[0].node, a), kernelCounters(this.ends[1].node, b)];
    }
    const all = await this.#ask({ what: 'counters' });
    const own = all.filter(({ link }) => link === this.name);
    const of = (end: 0 | 1): LinkCounters => {
      const { link: _, end: __, ...counters } = own.find((one) => one.end === end) as RelayCounters;
      return { from: this.ends[end].node, ...counters };
    };
    return [of(0), of(1)];
  }

  async #alter(change: LinkChange): Promise<void> {
    const plan = this.directory.plan;
    const link = this.#planned(plan);
    const touched = ([0, 1] as const).filter((end) => change.from === undefined || link.ends[end].node === change.from);
    const ends = link.ends.map((end, index) =>
      touched.some((own) => own === index) ? this.#altered(link, end, change) : end,
    ) as [PlannedEnd, PlannedEnd];
    // A wire that gets a rate is one no more.
    const wire = link.emulator === 'none';
    const changed: PlannedLink = { ...link, ends, ...(wire && { emulator: 'tbf', offloads: false }) };
    if (link.emulator === 'relay') {
      const { carrier: _carrier, at: _at, from: _from, ...direction } = change;
      await this.#ask({ what: 'change', link: this.name, ends: touched, change: direction });
    } else {
      await this.backend.shape(this.directory.record, changed);
    }
    this.#replace(changed);
  }

  #replace(changed: PlannedLink): void {
    const { plan } = this.directory;
    this.directory.updatePlan({ ...plan, links: plan.links.map((own) => (own.name === this.name ? changed : own)) });
  }

  #altered(link: PlannedLink, end: PlannedEnd, change: LinkChange): PlannedEnd {
    if (end.emulation === null) {
      const key = EMULATION.find((own) => change[own] !== undefined);
      if (key === undefined) return { ...end, shaping: this.#reshaped(link, end, change) };
      throw this.#refusal(
        'has no emulator, so it has a rate and a limit only; write "delay: 0ms" in the topology to give it one',
      );
    }
    const emulation: PlannedEmulation = {
      ...end.emulation,
      ...(change.limit !== undefined && { limit: change.limit }),
      ...Object.fromEntries(EMULATION.flatMap((key) => (change[key] === undefined ? [] : [[key, change[key]]]))),
      ...(change.rateBps !== undefined && { trace: null }),
    };
    if (emulation.jitterUs > emulation.delayUs) throw this.#refusal('the jitter would be more than the delay');
    if (change.trace !== undefined) {
      this.#requireTrace(link, change.trace, change.rateBps);
      return { ...end, emulation, shaping: null };
    }
    const rate = change.rateBps ?? end.shaping?.rateBps;
    if (rate === undefined) return { ...end, emulation };
    const shaping = link.emulator === 'relay' ? relayShaping : shapingFor;
    return { ...end, emulation, shaping: shaping(rate, emulation.limit, link.mtu) };
  }

  /** Throws LabError (E_LAB_LINK, E_LAB_TRACE). */
  #requireTrace({ emulator }: PlannedLink, file: string, rateBps: number | undefined): void {
    if (rateBps !== undefined) throw this.#refusal('has a rate or a trace, not both');
    if (emulator !== 'relay')
      throw this.#refusal(`${emulator} follows no trace: give it one in the topology, for the relay`);
    readTrace(file);
  }

  #reshaped(link: PlannedLink, end: PlannedEnd, { rateBps, limit }: LinkChange): Shaping {
    const rate = rateBps ?? end.shaping?.rateBps;
    if (rate === undefined) throw this.#refusal(`what leaves ${end.node} has no rate, so nothing waits there`);
    const bytes = end.shaping?.limitBytes;
    const kept: QueueLimit | null = bytes === undefined ? null : { kind: 'bytes', bytes };
    return shapingFor(rate, limit ?? kept, link.mtu);
  }

  async #ask(request: RelayRequest): Promise<readonly RelayCounters[]> {
    try {
      return await askRelay(relaySocket(this.directory.path), request);
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'E_LAB_RELAY') throw error;
      const dead = livingRelays(this.directory).length === 0;
      const remedy = dead
        ? `; nothing passes until it is started: mpip-lab link restart ${this.directory.record.lab}`
        : '';
      throw new LabError('E_LAB_RELAY', `link ${this.name}: ${error.message}${remedy}`, { cause: error });
    }
  }

  #planned({ links }: Plan): PlannedLink {
    const link = links.find(({ name }) => name === this.name);
    if (link === undefined) throw this.#refusal('is not part of the lab');
    return link;
  }

  #refusal(message: string): LabError {
    return new LabError('E_LAB_LINK', `link ${this.name}: ${message}`);
  }
}

function kernelCounters(from: string, counters: QueueCounters): LinkCounters {
  const { packets, bytes, waitingPackets, waitingBytes, droppedByQueue, lost } = counters;
  return {
    from,
    packets: packets + waitingPackets + droppedByQueue + lost,
    bytes: bytes + waitingBytes,
    delivered: packets,
    duplicated: null,
    reordered: null,
    dropped: { queue: droppedByQueue, loss: lost, carrier: null, overload: null, refused: null },
  };
}
