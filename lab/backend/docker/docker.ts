/** Nodes as Docker containers without networks of Docker's: links are made in their network namespaces by the machine, as for `netns`. */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineLacks } from '../../doctor/require.js';
import { LabError, LabMachineError } from '../../error.js';
import type { Plan, PlannedNode } from '../../plan/plan.js';
import { hostedNodes, RELAY_NODE, relayedLinks } from '../../plan/relay.js';
import { LabDirectory } from '../../record/directory.js';
import { hasMarker } from '../../record/identity.js';
import { type LabRecord, markerOf, TOKEN_VARIABLE } from '../../record/record.js';
import type { Backend, BackendStep } from '../backend.js';
import { inParallel } from '../in-parallel.js';
import { namespaceName } from '../netns/commands.js';
import { carryOut, createNetwork, makeNamespaces, netns, networkSteps } from '../netns/netns.js';
import { runBatch } from '../netns/run-batch.js';
import { containerName, containerOptions, createCommands, removeContainers, startContainer } from './containers.js';
import { ask, connectEngine, engineSocket } from './engine.js';
import { nodeImage, requireImage } from './image.js';
import { attachToContainer, launchInContainer } from './launch.js';

const CONTAINERS = { title: 'containers' };
const NAMES = { title: 'names' };
/** Containers that start at a time: more do not start sooner. */
const CONCURRENCY = 4;
const OWN_TIMEOUT_MS = 5000;
const OWN_POLL_MS = 2;

/** The engine switches IPv6 off in containers without a network of its own. */
const IPV6_ON: PlannedNode['sysctls'] = ['all', 'default', 'lo'].map((name) => [
  `net.ipv6.conf.${name}.disable_ipv6`,
  '0',
]);

export const docker: Backend = {
  ...netns,

  async lacks(plan) {
    try {
      await requireEngine();
      return machineLacks(plan);
    } catch (error) {
      if (!(error instanceof LabMachineError)) throw error;
      return [...machineLacks(plan), error.message];
    }
  },

  async claim(lab, plan) {
    const { namespaces } = await netns.claim(lab, plan);
    const socket = engineSocket();
    const engine = await connectEngine(socket);
    const nodes = plan.nodes.map(({ name }) => ({ node: name, name: containerName(lab, name), id: null }));
    const names = new Set(nodes.map(({ name }) => `/${name}`));
    const all = await ask('list of containers', () => engine.listContainers({ all: true }));
    const taken = all.flatMap(({ Names }) => Names.filter((name) => names.has(name)));
    if (taken.length === 0) return { namespaces, containers: { engine: socket, nodes } };
    const texts = taken.map((name) => name.slice(1)).join(', ');
    throw new LabError('E_LAB_NAME_TAKEN', `containers exist that this lab did not make: ${texts}`);
  },

  steps(lab, plan) {
    const steps: BackendStep[] = [
      {
        ...CONTAINERS,
        commands: createCommands(lab, plan, nodeImage()).map((command) => ({ command, input: [] })),
      },
      {
        ...NAMES,
        commands: hostedNodes(plan).map(({ name }) => {
          if (name === RELAY_NODE) return { command: ['ip', 'netns', 'add', namespaceName(lab, name)], input: [] };
          const pid = `$(docker inspect --format {{.State.Pid}} ${containerName(lab, name)})`;
          return { command: ['ip', 'netns', 'attach', namespaceName(lab, name), pid], input: [] };
        }),
      },
      ...networkSteps(lab, withIpv6(plan)),
    ];
    return steps.filter(({ commands }) => commands.length > 0);
  },

  async create(directory, plan, progress) {
    const pids = new Map<string, number>();
    await carryOut(CONTAINERS, () => makeContainers(directory, plan, pids), progress);
    const name = async (): Promise<void> => {
      await nameNamespaces(directory, pids);
      // The relay is a process of the machine.
      if (relayedLinks(plan).length > 0) await makeNamespaces(directory, [RELAY_NODE]);
    };
    await carryOut(NAMES, name, progress);
    await createNetwork(directory, withIpv6(plan), progress);
  },

  async destroy(record) {
    if (record.containers !== undefined) {
      const { engine: socket, nodes } = record.containers;
      const engine = await connectEngine(socket);
      await ask('removal of containers', () => removeContainers(engine, record.token, nodes));
    }
    await netns.destroy(record);
  },

  async launch(record, node, command) {
    const engine = await connectEngine(socketOf(record));
    const files = LabDirectory.open(record.lab).of(node);
    return ask(`start of ${command.command.join(' ')} in ${node}`, () =>
      launchInContainer(engine, containerName(record.lab, node), node, files, command),
    );
  },

  typed(lab, node, command) {
    return ['docker', 'exec', '--detach', containerName(lab, node), ...command];
  },

  async attach(record, node, command) {
    const engine = await connectEngine(socketOf(record));
    return ask(`start of ${command.command.join(' ')} in ${node}`, () =>
      attachToContainer(engine, containerName(record.lab, node), command),
    );
  },
};

/** Throws LabMachineError where there is no engine that labs can use, or none with the image of nodes. */
async function requireEngine(): Promise<void> {
  const engine = await connectEngine(engineSocket());
  const { SecurityOptions = [] } = await ask('info', () => engine.info());
  const foreign = (SecurityOptions as string[]).find((option) => /name=(rootless|userns)/.test(option));
  if (foreign !== undefined) {
    throw new LabMachineError(`the Docker engine runs with ${foreign}; labs need one of root's, without userns-remap`);
  }
  await requireImage(engine);
}

function socketOf({ containers }: LabRecord): string {
  return containers?.engine ?? engineSocket();
}

function withIpv6(plan: Plan): Plan {
  return { ...plan, nodes: plan.nodes.map((node) => ({ ...node, sysctls: [...IPV6_ON, ...node.sysctls] })) };
}

/** Makes and starts all; records each as soon as it exists, and its network namespace before that gets a name. */
async function makeContainers(directory: LabDirectory, plan: Plan, pids: Map<string, number>): Promise<void> {
  const { record } = directory;
  const engine = await connectEngine(socketOf(record));
  const image = nodeImage();
  await inParallel(plan.nodes, CONCURRENCY, async (node) => {
    const options = containerOptions(record, node, directory.of(node.name), image);
    const pid = await ask(`start of container ${options.name}`, () =>
      startContainer(engine, options, (id) => recordContainer(directory, node.name, id)),
    );
    await requireOwn(pid, record);
    const inode = statSync(`/proc/${pid}/ns/net`).ino;
    directory.update(({ namespaces }) => ({
      namespaces: namespaces.map((own) => (own.node === node.name ? { ...own, inode } : own)),
    }));
    pids.set(node.name, pid);
  });
}

function recordContainer(directory: LabDirectory, node: string, id: string): void {
  directory.update(({ containers }) => {
    if (containers === undefined) return {};
    const nodes = containers.nodes.map((own) => (own.node === node ? { ...own, id } : own));
    return { containers: { ...containers, nodes } };
  });
}

/**
 * Throws LabMachineError when the engine counts processes of another machine. The container has started when the engine says so, but
 * its first program, with the environment that it is known by, may take its place a little later.
 */
async function requireOwn(pid: number, record: LabRecord): Promise<void> {
  for (const deadline = performance.now() + OWN_TIMEOUT_MS; performance.now() < deadline; await sleep(OWN_POLL_MS)) {
    if (hasMarker(pid, markerOf(record))) return;
  }
  throw new LabMachineError('the Docker engine runs on another machine or in a container; links cannot be moved there');
}

async function nameNamespaces({ record }: LabDirectory, pids: ReadonlyMap<string, number>): Promise<void> {
  const input = [...pids].map(([node, pid]) => `netns attach ${namespaceName(record.lab, node)} ${pid}`);
  await runBatch({ command: ['ip', '-batch', '-'], input }, { [TOKEN_VARIABLE]: record.token });
}
