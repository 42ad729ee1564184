/** Nodes as network namespaces, links as veth pairs, rates by tbf. */
import { openSync, writeFileSync } from 'node:fs';
import { LabCommandError, LabError } from '../../error.js';
import type { Plan, PlannedNode } from '../../plan/plan.js';
import { hostedNodes, RELAY_NODE, relayedLinks } from '../../plan/relay.js';
import type { LabDirectory } from '../../record/directory.js';
import { type RecordedNamespace, TOKEN_VARIABLE } from '../../record/record.js';
import { disableOffloads } from '../../relay/offloads.js';
import { relayCommand, startRelay } from '../../relay/start.js';
import type { Backend, BackendCommand, BackendStep, CreateProgress } from '../backend.js';
import { CounterSource } from '../counters.js';
import {
  addLinks,
  addNamespaces,
  addRoutes,
  bringUp,
  deleteNamespaces,
  namespaceName,
  offloadCommands,
  restoreInterface,
  setLink,
  shapedInterfaces,
  shapeNode,
  sysctlCommand,
} from './commands.js';
import { inNamespace, namespaceFile } from './enter.js';
import { loadRuleset } from './ruleset.js';
import { runBatch } from './run-batch.js';

/** Commands in different namespaces that run at a time. */
const CONCURRENCY = 8;

export const netns: Backend = {
  claim(lab, plan) {
    const claimed = hostedNodes(plan).map(({ name }) => ({ node: name, name: namespaceName(lab, name), inode: null }));
    const taken = claimed.filter(({ name }) => namespaceFile(name).kind !== 'absent').map(({ name }) => name);
    if (taken.length === 0) return claimed;
    throw new LabError('E_LAB_NAME_TAKEN', `network namespaces exist that this lab did not make: ${taken.join(', ')}`);
  },

  steps(lab, plan) {
    return stepsOf(lab, plan).filter(({ commands }) => commands.length > 0);
  },

  async create(directory, plan, { signal, onStep }: CreateProgress) {
    const { lab, token } = directory.record;
    const environment = { [TOKEN_VARIABLE]: token };
    const run = (commands: readonly BackendCommand[]): Promise<void> =>
      inParallel(commands, (command) => runBatch(command, environment));
    const actions: Record<string, (commands: readonly BackendCommand[]) => Promise<void>> = {
      [NAMESPACES]: () => makeNamespaces(directory, plan, environment),
      // A process for each node would take longer than all other steps together.
      [SETTINGS]: async () => {
        for (const node of hostedNodes(plan)) writeSysctls(lab, node);
      },
      [OFFLOADS]: async () => {
        for (const { name } of hostedNodes(plan)) {
          inNamespace(namespaceName(lab, name), () => disableOffloads(shapedInterfaces(name, plan)));
        }
      },
      [RELAY]: () => startRelay(directory, plan, this.inside(lab, RELAY_NODE, relayCommand(directory.path)), signal),
    };
    for (const { title, commands } of this.steps(lab, plan)) {
      signal?.throwIfAborted();
      const start = performance.now();
      await (actions[title] ?? run)(commands);
      onStep?.({ title, durationMs: performance.now() - start });
    }
    signal?.throwIfAborted();
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

  inside(lab, node, command) {
    return ['ip', 'netns', 'exec', namespaceName(lab, node), ...command];
  },

  openCounters(lab, node) {
    return inNamespace(namespaceName(lab, node), () => new CounterSource(openSync('/proc/thread-self/net/dev', 'r')));
  },

  async setCarrier({ lab, token }, plan, link, carrier, at) {
    const run = (commands: readonly BackendCommand[]): Promise<void> =>
      inParallel(commands, (command) => runBatch(command, { [TOKEN_VARIABLE]: token }));
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

  async shape({ lab, token }, link) {
    const nodes = link.ends.map(({ node }) => shapeNode(lab, node, { links: [link] }));
    const commands = nodes.filter((command) => command !== undefined);
    await inParallel(commands, (command) => runBatch(command, { [TOKEN_VARIABLE]: token }));
  },
};

const NAMESPACES = 'namespaces';
const SETTINGS = 'kernel settings';
const OFFLOADS = 'offloads';
const RELAY = 'relay';

function stepsOf(lab: string, plan: Plan): BackendStep[] {
  const nodes = hostedNodes(plan);
  const shaped = plan.nodes.map(({ name }) => shapeNode(lab, name, plan));
  const relayed = relayedLinks(plan).length > 0;
  const rulesets = plan.nodes.map((node) => loadRuleset(lab, node));
  return [
    { title: NAMESPACES, commands: [addNamespaces(lab, plan)] },
    // Before the settings: those of connection tracking are there once a ruleset needs it.
    { title: 'NAT, firewalls', commands: rulesets.filter((command) => command !== undefined) },
    { title: SETTINGS, commands: nodes.map((node) => sysctlCommand(lab, node)) },
    { title: 'links', commands: plan.links.length === 0 ? [] : [addLinks(lab, plan)] },
    { title: OFFLOADS, commands: nodes.flatMap(({ name }) => offloadCommands(lab, name, plan)) },
    { title: 'addresses', commands: nodes.map((node) => bringUp(lab, node)) },
    { title: 'routes', commands: plan.nodes.flatMap((node) => addRoutes(lab, node)) },
    { title: 'rates', commands: shaped.filter((command) => command !== undefined) },
    { title: RELAY, commands: relayed ? [relayStep(lab)] : [] },
  ];
}

/** For people: the relay as one could start it. */
function relayStep(lab: string): BackendCommand {
  const command = ['node', 'dist/lab/relay/main.js', `/run/mpip-lab/${lab}/${RELAY_NODE}/relay.json`];
  return { command: netns.inside(lab, RELAY_NODE, command), input: [] };
}

/** Makes the namespaces and records which they are; those that turn out to be somebody else's are no longer claimed. */
async function makeNamespaces(directory: LabDirectory, plan: Plan, environment: Record<string, string>): Promise<void> {
  let failure: unknown;
  try {
    await runBatch(addNamespaces(directory.record.lab, plan), environment);
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

async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await action(item);
  };
  // All settle before the first failure is told, so that nothing is still being made when the caller cleans up.
  const results = await Promise.allSettled(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
