/** Nodes as network namespaces, links as veth pairs, rates by tbf. */
import { openSync, writeFileSync } from 'node:fs';
import { machineLacks } from '../../doctor/require.js';
import { LabCommandError, LabError } from '../../error.js';
import type { Plan, PlannedEnd, PlannedNode } from '../../plan/plan.js';
import { hostedNodes } from '../../plan/relay.js';
import type { LabDirectory } from '../../record/directory.js';
import { type RecordedNamespace, TOKEN_VARIABLE } from '../../record/record.js';
import { disableOffloads } from '../../relay/offloads.js';
import type { Backend, BackendCommand, BackendStep, CreateProgress } from '../backend.js';
import { CounterSource, parseQueueCounters, type QueueCounters } from '../counters.js';
import { inParallel } from '../in-parallel.js';
import {
  addLinks,
  addNamespaces,
  addRoutes,
  bringUp,
  deleteNamespaces,
  interfacesWithoutOffloads,
  namespaceName,
  offloadCommands,
  restoreInterface,
  setLink,
  shapeNode,
  sysctlCommand,
} from './commands.js';
import { inNamespace, namespaceFile } from './enter.js';
import { attachInNamespace, launchInNamespace, leftRunning } from './launch.js';
import { loadRuleset } from './ruleset.js';
import { runBatch, runForOutput } from './run-batch.js';

/** Commands in different namespaces that run at a time. */
const CONCURRENCY = 8;

export const netns: Backend = {
  async lacks(plan) {
    return machineLacks(plan);
  },

  async claim(lab, plan) {
    const claimed = hostedNodes(plan).map(({ name }) => ({ node: name, name: namespaceName(lab, name), inode: null }));
    const taken = claimed.filter(({ name }) => namespaceFile(name).kind !== 'absent').map(({ name }) => name);
    if (taken.length === 0) return { namespaces: claimed };
    throw new LabError('E_LAB_NAME_TAKEN', `network namespaces exist that this lab did not make: ${taken.join(', ')}`);
  },

  steps(lab, plan) {
    return stepsOf(lab, plan).filter(({ commands }) => commands.length > 0);
  },

  async create(directory, plan, progress) {
    const nodes = hostedNodes(plan).map(({ name }) => name);
    await carryOut({ title: NAMESPACES }, () => makeNamespaces(directory, nodes), progress);
    await createNetwork(directory, plan, progress);
  },

  async destroy(record) {
    for (let attempt = 0; ; attempt++) {
      const names = record.namespaces.filter((own) => isOwn(own)).map(({ name }) => name);
      if (names.length === 0) return;
      try {
        await runBatch(deleteNamespaces(names));
      } catch (error) {
        // Somebody else may be ending the same lab.
        if (attempt === 3 || !(error instanceof LabCommandError)) throw error;
      }
    }
  },

  namespaces(record) {
    const inodes = record.namespaces.filter((own) => isOwn(own)).map(({ name }) => namespaceFile(name));
    return new Set(inodes.flatMap((file) => (file.kind === 'namespace' ? [file.inode] : [])));
  },

  launch({ lab }, node, command) {
    return launchInNamespace(lab, node, command);
  },

  attach({ lab }, node, command) {
    return attachInNamespace(lab, node, command);
  },

  typed(lab, node, command) {
    return leftRunning(lab, node, command);
  },

  openCounters(lab, node) {
    return inNamespace(namespaceName(lab, node), () => new CounterSource(openSync('/proc/thread-self/net/dev', 'r')));
  },

  async setCarrier({ lab, token }, plan, link, carrier, at) {
    const run = (commands: readonly BackendCommand[]): Promise<void> =>
      inParallel(commands, CONCURRENCY, (command) => runBatch(command, { [TOKEN_VARIABLE]: token }));
    const ends = carrier === 'up' ? link.ends : link.ends.filter(({ node }) => node !== at);
    await run(ends.map(({ node, interface: device }) => setLink(lab, node, device, carrier)));
    if (carrier === 'down') return;
    // IPv6 routes need the carrier too: so after both ends are up.
    await run(
      link.ends.flatMap((end) => {
        const node = plan.nodes.find(({ name }) => name === end.node) as PlannedNode;
        return [restoreInterface(lab, node, end.interface)].filter(({ input }) => input.length > 0);
      }),
    );
  },

  async shape({ lab, token }, link, anew) {
    for (const { node } of link.ends) makePacketsPackets(lab, node, { links: [link] });
    const nodes = link.ends.map(({ node }) => shapeNode(lab, node, { links: [link] }, anew));
    const commands = nodes.filter((command) => command !== undefined);
    await inParallel(commands, CONCURRENCY, (command) => runBatch(command, { [TOKEN_VARIABLE]: token }));
  },

  async queueCounters({ lab, token }, link) {
    const ask = async ({ node, interface: device }: PlannedEnd): Promise<QueueCounters> => {
      const command = ['tc', '-netns', namespaceName(lab, node), '-s', '-j', 'qdisc', 'show', 'dev', device];
      return parseQueueCounters(await runForOutput({ command, input: [] }, { [TOKEN_VARIABLE]: token }));
    };
    return [await ask(link.ends[0]), await ask(link.ends[1])];
  },
};

const NAMESPACES = 'namespaces';
const SETTINGS = 'kernel settings';
const OFFLOADS = 'offloads';

function stepsOf(lab: string, plan: Plan): BackendStep[] {
  const nodes = hostedNodes(plan).map(({ name }) => name);
  return [{ title: NAMESPACES, commands: [addNamespaces(lab, nodes)] }, ...networkSteps(lab, plan)];
}

/** What follows once each node, and the relay where links need it, has a network namespace of its name. */
export function networkSteps(lab: string, plan: Plan): BackendStep[] {
  const nodes = hostedNodes(plan);
  const shaped = plan.nodes.map(({ name }) => shapeNode(lab, name, plan));
  const rulesets = plan.nodes.map((node) => loadRuleset(lab, node));
  return [
    // Before the settings: those of connection tracking are there once a ruleset needs it.
    { title: 'NAT, firewalls', commands: rulesets.filter((command) => command !== undefined) },
    { title: SETTINGS, commands: nodes.map((node) => sysctlCommand(lab, node)) },
    { title: 'links', commands: plan.links.length === 0 ? [] : [addLinks(lab, plan)] },
    { title: OFFLOADS, commands: nodes.flatMap(({ name }) => offloadCommands(lab, name, plan)) },
    { title: 'addresses', commands: nodes.map((node) => bringUp(lab, node)) },
    { title: 'routes', commands: plan.nodes.flatMap((node) => addRoutes(lab, node)) },
    { title: 'rates', commands: shaped.filter((command) => command !== undefined) },
  ];
}

/** Carries out `networkSteps`; for every backend whose nodes have network namespaces of their names. Throws LabCommandError. */
export async function createNetwork(directory: LabDirectory, plan: Plan, progress: CreateProgress): Promise<void> {
  const { lab, token } = directory.record;
  const environment = { [TOKEN_VARIABLE]: token };
  const run = (commands: readonly BackendCommand[]): Promise<void> =>
    inParallel(commands, CONCURRENCY, (command) => runBatch(command, environment));
  const actions: Record<string, () => Promise<void>> = {
    // A process for each node would take longer than all other steps together.
    [SETTINGS]: async () => {
      for (const node of hostedNodes(plan)) writeSysctls(lab, node);
    },
    [OFFLOADS]: async () => {
      for (const { name } of hostedNodes(plan)) makePacketsPackets(lab, name, plan);
    },
  };
  for (const step of networkSteps(lab, plan).filter(({ commands }) => commands.length > 0)) {
    await carryOut(step, actions[step.title] ?? (() => run(step.commands)), progress);
  }
}

/** Does one step and tells how long it took. Throws what `action` throws, and the signal's reason before and after it. */
export async function carryOut(
  { title }: Pick<BackendStep, 'title'>,
  action: () => Promise<void>,
  { signal, onStep }: CreateProgress,
): Promise<void> {
  signal?.throwIfAborted();
  const start = performance.now();
  await action();
  onStep?.({ title, durationMs: performance.now() - start });
  signal?.throwIfAborted();
}

/** Makes the namespaces and records which they are; those that turn out to be somebody else's are no longer claimed. */
export async function makeNamespaces(directory: LabDirectory, nodes: readonly string[]): Promise<void> {
  const { lab, token } = directory.record;
  let failure: unknown;
  try {
    await runBatch(addNamespaces(lab, nodes), { [TOKEN_VARIABLE]: token });
  } catch (error) {
    failure = error;
  }
  const stderr = failure instanceof LabCommandError ? failure.stderr : '';
  const foreign = new Set(
    [...stderr.matchAll(/namespace file "[^"]*\/([^"/]+)": File exists/g)].map(([, name]) => name),
  );
  directory.update(({ namespaces }) => ({
    namespaces: namespaces
      .filter(({ name }) => !foreign.has(name))
      .map((own) => {
        const file = namespaceFile(own.name);
        return file.kind === 'namespace' ? { ...own, inode: file.inode } : own;
      }),
  }));
  if (failure !== undefined) throw failure;
}

/** Turns offloads off where the plan does not ask for them. */
function makePacketsPackets(lab: string, node: string, plan: Pick<Plan, 'links'>): void {
  const interfaces = interfacesWithoutOffloads(node, plan);
  if (interfaces.length > 0) inNamespace(namespaceName(lab, node), () => disableOffloads(interfaces));
}

function writeSysctls(lab: string, { name, sysctls }: PlannedNode): void {
  inNamespace(namespaceName(lab, name), () => {
    for (const [key, value] of sysctls) {
      try {
        // "net.ipv4.conf.eth0/1.x": ip-sysctl writes dots in interface names as slashes.
        writeFileSync(`/proc/sys/${key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'))}`, value);
      } catch (error) {
        const message = `${name}: kernel setting ${key}=${value} was refused: ${(error as Error).message}`;
        throw new LabError('E_LAB_SYSCTL', message, { cause: error });
      }
    }
  });
}

/** Whether what stands under a recorded name is what the lab made. */
function isOwn({ name, inode }: RecordedNamespace): boolean {
  const file = namespaceFile(name);
  switch (file.kind) {
    case 'absent':
      return false;
    case 'file':
      return true;
    case 'namespace':
      // The maker died between making and recording: nobody can have put anything into it.
      return inode === null ? isUntouched(name) : inode === file.inode;
  }
}

function isUntouched(name: string): boolean {
  return inNamespace(name, () => {
    using source = new CounterSource(openSync('/proc/thread-self/net/dev', 'r'));
    // Some kernels put idle tunnel devices into every new namespace.
    return source.read().every(({ rxPackets, txPackets }) => rxPackets + txPackets === 0);
  });
}
