/** Nodes as network namespaces, links as veth pairs, rates by tbf. */
import { openSync, writeFileSync } from 'node:fs';
import { requireMachine } from '../../doctor/require.js';
import { LabCommandError, LabError } from '../../error.js';
import type { Plan, PlannedNode } from '../../plan/plan.js';
import type { LabDirectory } from '../../record/directory.js';
import { type RecordedNamespace, TOKEN_VARIABLE } from '../../record/record.js';
import type { Backend, BackendCommand, BackendStep, CreateProgress } from '../backend.js';
import { CounterSource } from '../counters.js';
import { inParallel } from '../in-parallel.js';
import {
  addLinks,
  addNamespaces,
  addRoutes,
  bringUp,
  deleteNamespaces,
  namespaceName,
  restoreInterface,
  setLink,
  shapeNode,
  sysctlCommand,
} from './commands.js';
import { inNamespace, namespaceFile } from './enter.js';
import { attachInNamespace, launchInNamespace } from './launch.js';
import { runBatch } from './run-batch.js';

/** Commands in different namespaces that run at a time. */
const CONCURRENCY = 8;

export const netns: Backend = {
  async require() {
    requireMachine();
  },

  async claim(lab, plan) {
    const claimed = plan.nodes.map(({ name }) => ({ node: name, name: namespaceName(lab, name), inode: null }));
    const taken = claimed.filter(({ name }) => namespaceFile(name).kind !== 'absent').map(({ name }) => name);
    if (taken.length === 0) return { namespaces: claimed };
    throw new LabError('E_LAB_NAME_TAKEN', `network namespaces exist that this lab did not make: ${taken.join(', ')}`);
  },

  steps(lab, plan) {
    return stepsOf(lab, plan).filter(({ commands }) => commands.length > 0);
  },

  async create(directory, plan, progress) {
    const environment = { [TOKEN_VARIABLE]: directory.record.token };
    const nodes = stepsOf(directory.record.lab, plan)[0] as BackendStep;
    await carryOut(nodes, () => makeNamespaces(directory, plan, environment), progress);
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

  async shape({ lab, token }, link) {
    const nodes = link.ends.map(({ node }) => shapeNode(lab, node, { links: [link] }));
    const commands = nodes.filter((command) => command !== undefined);
    await inParallel(commands, CONCURRENCY, (command) => runBatch(command, { [TOKEN_VARIABLE]: token }));
  },
};

const NAMESPACES = 'namespaces';
const SETTINGS = 'kernel settings';

function stepsOf(lab: string, plan: Plan): BackendStep[] {
  return [{ title: NAMESPACES, commands: [addNamespaces(lab, plan)] }, ...networkSteps(lab, plan)];
}

/** What follows once each node has a network namespace of its name. */
export function networkSteps(lab: string, plan: Plan): BackendStep[] {
  const shaped = plan.nodes.map(({ name }) => shapeNode(lab, name, plan));
  return [
    { title: SETTINGS, commands: plan.nodes.map((node) => sysctlCommand(lab, node)) },
    { title: 'links', commands: plan.links.length === 0 ? [] : [addLinks(lab, plan)] },
    { title: 'addresses', commands: plan.nodes.map((node) => bringUp(lab, node)) },
    {
      title: 'routes',
      commands: plan.nodes.flatMap((node) => addRoutes(lab, node)),
    },
    { title: 'rates', commands: shaped.filter((command) => command !== undefined) },
  ];
}

/** Carries out `networkSteps`; for every backend whose nodes have network namespaces of their names. Throws LabCommandError. */
export async function createNetwork(directory: LabDirectory, plan: Plan, progress: CreateProgress): Promise<void> {
  const { lab, token } = directory.record;
  const environment = { [TOKEN_VARIABLE]: token };
  for (const step of networkSteps(lab, plan).filter(({ commands }) => commands.length > 0)) {
    const action = async (): Promise<void> => {
      if (step.title !== SETTINGS)
        return inParallel(step.commands, CONCURRENCY, (command) => runBatch(command, environment));
      // A process for each node would take longer than all other steps together.
      for (const node of plan.nodes) writeSysctls(lab, node);
    };
    await carryOut(step, action, progress);
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
