/** What is done to a lab while the workloads run. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RuleDefinition } from '../../src/daemon/api.js';
import type { Lab } from '../running/lab.js';
import type { LinkChange } from '../running/link.js';
import type { LabNode } from '../running/node.js';

export type MpipdAction = 'kill' | 'stop' | 'start' | 'restart';

interface EventBase {
  /** Seconds from the start of the arm. */
  readonly at: number;
  /** What measures call it. */
  readonly name?: string;
  /** For people: "path1 carrier=down". */
  readonly text: string;
}

export type LabEvent =
  | (EventBase & { readonly kind: 'link'; readonly link: string; readonly set: LinkChange })
  | (EventBase & { readonly kind: 'exec'; readonly node: string; readonly command: readonly string[] })
  | (EventBase & { readonly kind: 'mpipd'; readonly node: string; readonly action: MpipdAction })
  | (EventBase & { readonly kind: 'rules'; readonly node: string; readonly rules: readonly RuleDefinition[] });

export interface EventRun {
  /** Of the arm, as performance.now() tells time. */
  readonly startMs: number;
  /** Ends the waiting for events that have not come. */
  readonly signal: AbortSignal;
  /** Where commands run. */
  readonly directory: string;
  readonly onEvent: (event: LabEvent) => void;
}

/** Carries out the events in order of their times; resolves after the last. Throws LabError; when `signal` aborts, its reason. */
export async function runEvents(lab: Lab, events: readonly LabEvent[], run: EventRun): Promise<void> {
  for (const event of [...events].sort((a, b) => a.at - b.at)) {
    const wait = run.startMs + event.at * 1000 - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal: run.signal });
    run.signal.throwIfAborted();
    await carryOut(lab, event, run);
    run.onEvent(event);
  }
}

async function carryOut(lab: Lab, event: LabEvent, { directory }: EventRun): Promise<void> {
  switch (event.kind) {
    case 'link':
      return lab.link(event.link).set(event.set);
    case 'exec':
      await lab.node(event.node).exec(event.command, { cwd: directory });
      return;
    case 'mpipd':
      return mpipdEvent(lab.node(event.node), event.action);
    case 'rules':
      return loadRules(lab.node(event.node), event.rules);
  }
}

/** As `mpipctl rules load` does; nothing in arms whose hosts are plain. */
async function loadRules({ mpip }: LabNode, rules: readonly RuleDefinition[]): Promise<void> {
  if (mpip === undefined) return;
  await using client = await mpip.connect();
  await client.loadRules(rules);
}

/** Nothing in arms whose hosts are plain. */
async function mpipdEvent({ mpip }: LabNode, action: MpipdAction): Promise<void> {
  switch (action) {
    case 'kill':
      return mpip?.kill('SIGKILL');
    case 'stop':
      return mpip?.kill('SIGTERM');
    case 'restart':
      return mpip?.restart();
    case 'start':
      if (mpip?.pid === undefined) await mpip?.restart();
  }
}
