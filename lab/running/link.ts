import type { Backend } from '../backend/backend.js';
import { LabError } from '../error.js';
import type { Plan, PlannedEnd, PlannedLink, Shaping } from '../plan/plan.js';
import { shapingFor } from '../plan/shaping.js';
import type { LabDirectory } from '../record/directory.js';
import type { LinkEnd, QueueLimit } from '../topology/topology.js';

/** What changes about a link; what is left out stays as it is. */
export interface LinkChange {
  /** `down`: the node `at` sees its carrier go, since the far end is set down; `up`: both ends are up and have their routes again. */
  readonly carrier?: 'up' | 'down';
  /** With `carrier: 'down'`: a node at the link; default its first end. */
  readonly at?: string;
  /** bit/s. */
  readonly rateBps?: number;
  /** Default: as many bytes as before, however long they take at a new rate. */
  readonly limit?: QueueLimit;
  /** Changes rate and limit of the direction that starts at this node only. */
  readonly from?: string;
}

/** A link of a running lab. */
export interface LabLink {
  readonly name: string;
  readonly ends: readonly [LinkEnd, LinkEnd];
  /** What leaves each end is shaped as this says; null: not at all. */
  readonly shaping: readonly [Shaping | null, Shaping | null];
  /** Throws LabError (E_LAB_LINK) for a change that makes no sense, LabCommandError. */
  set(change: LinkChange): Promise<void>;
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

  async set(change: LinkChange): Promise<void> {
    for (const node of [change.at, change.from]) {
      if (node === undefined || this.ends.some((end) => end.node === node)) continue;
      throw this.#refusal(`${node} is not at this link; its ends: ${this.ends.map((end) => end.node).join(', ')}`);
    }
    if (change.rateBps !== undefined || change.limit !== undefined) await this.#reshape(change);
    else if (change.from !== undefined) throw this.#refusal('"from" goes with a rate or a limit');
    if (change.at !== undefined && change.carrier !== 'down') throw this.#refusal('"at" goes with carrier=down');
    if (change.carrier === undefined) return;
    const plan = this.directory.plan;
    const at = change.at ?? this.ends[0].node;
    await this.backend.setCarrier(this.directory.record, plan, this.#planned(plan), change.carrier, at);
  }

  async #reshape({ rateBps, limit, from }: LinkChange): Promise<void> {
    const plan = this.directory.plan;
    const link = this.#planned(plan);
    const ends = link.ends.map((end): PlannedEnd => {
      if (from !== undefined && end.node !== from) return end;
      const rate = rateBps ?? end.shaping?.rateBps;
      if (rate === undefined) throw this.#refusal(`what leaves ${end.node} has no rate, so nothing waits there`);
      const bytes = end.shaping?.limitBytes;
      const kept: QueueLimit | null = bytes === undefined ? null : { kind: 'bytes', bytes };
      return { ...end, shaping: shapingFor(rate, limit ?? kept, link.mtu) };
    }) as [PlannedEnd, PlannedEnd];
    const changed = { ...link, ends };
    await this.backend.shape(this.directory.record, changed);
    this.directory.updatePlan({ ...plan, links: plan.links.map((own) => (own.name === this.name ? changed : own)) });
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
