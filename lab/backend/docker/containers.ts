/** One container for each node: made, found again by their labels, removed. */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type Dockerode from 'dockerode';
import { packageRoot } from '../../package-root.js';
import type { Plan, PlannedNode } from '../../plan/plan.js';
import { type LabRecord, type RecordedContainer, TOKEN_VARIABLE } from '../../record/record.js';
import { statusOf } from './engine.js';

/** What a lab made is known by its token; the other labels are for people. */
const TOKEN_LABEL = 'mpip-lab.token';
const LAB_LABEL = 'mpip-lab.lab';
const NODE_LABEL = 'mpip-lab.node';

const TUN = '/dev/net/tun';
const SYSCTLS = '/proc/sys';
/** How often a removal is begun again when somebody else works on the same container. */
const ATTEMPTS = 20;
const RETRY_MS = 50;

export function containerName(lab: string, node: string): string {
  return `${lab}-${node}`;
}

/** `directory` holds the node's files, which it sees at the same place. */
export function containerOptions(
  { lab, token }: Pick<LabRecord, 'lab' | 'token'>,
  node: PlannedNode,
  directory: string,
  image: string,
): Dockerode.ContainerCreateOptions {
  return {
    name: containerName(lab, node.name),
    Image: image,
    Hostname: node.name,
    // The engine's init is the first process and waits for orphans; a node does nothing by itself.
    Entrypoint: ['sleep', 'infinity'],
    Cmd: [],
    Labels: { [TOKEN_LABEL]: token, [LAB_LABEL]: lab, [NODE_LABEL]: node.name },
    Env: [`${TOKEN_VARIABLE}=${token}`, `MPIP_LAB=${lab}`, `MPIP_NODE=${node.name}`],
    HostConfig: {
      Init: true,
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: ['NET_ADMIN', 'NET_RAW'],
      SecurityOpt: ['no-new-privileges'],
      Devices: [{ PathOnHost: TUN, PathInContainer: TUN, CgroupPermissions: 'rwm' }],
      ReadonlyPaths: readOnlyPaths(),
      LogConfig: { Type: 'none', Config: {} },
      Mounts: mountsOf(node, directory),
    } as Dockerode.HostConfig,
  };
}

/**
 * What the engine keeps read-only by default, without the settings of the container's own network: mpipd and MPTCP set some
 * of these, and they concern no other.
 */
function readOnlyPaths(): string[] {
  const settings = readdirSync(SYSCTLS).filter((name) => name !== 'net');
  return [
    ...['bus', 'fs', 'irq', 'sysrq-trigger'].map((name) => join('/proc', name)),
    ...settings.map((name) => join(SYSCTLS, name)),
  ];
}

/**
 * The node's files, and on hosts, for mpipd and for workloads, this package as it was built and the Node.js that runs it, read-only and at their own places. They are
 * mounted rather than copied, so one image serves every state of the sources and a container starts without copying anything.
 */
function mountsOf({ kind }: PlannedNode, directory: string): Dockerode.MountConfig {
  const bind = (source: string, target: string, readOnly: boolean): Dockerode.MountSettings => ({
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
  });
  const own = [bind(directory, directory, false)];
  if (kind !== 'host') return own;
  const root = packageRoot();
  const parts = ['package.json', 'dist', 'node_modules'].map((name) => join(root, name)).filter(existsSync);
  return [
    ...own,
    ...parts.map((path) => bind(realpathSync(path), path, true)),
    bind(process.execPath, process.execPath, true),
  ];
}

/** As a person would make them; for `--dry-run`. */
export function createCommands(lab: string, { nodes }: Plan, image: string): string[][] {
  return nodes.map(({ name }) => [
    ...['docker', 'run', '--detach', '--init', '--name', containerName(lab, name), '--hostname', name],
    ...['--network', 'none', '--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW', '--device', TUN],
    ...['--label', `${LAB_LABEL}=${lab}`, image, 'sleep', 'infinity'],
  ]);
}

/** Makes and starts a container; `onMade` gets its id in between. Resolves with the pid of its first process. */
export async function startContainer(
  engine: Dockerode,
  options: Dockerode.ContainerCreateOptions,
  onMade: (id: string) => void,
): Promise<number> {
  const container = await engine.createContainer(options);
  onMade(container.id);
  await container.start();
  return (await container.inspect()).State.Pid;
}

/** Removes all containers with the lab's token, running or not, and any that is still being made for it. Idempotent. */
export async function removeContainers(
  engine: Dockerode,
  token: string,
  recorded: readonly RecordedContainer[],
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    // A request of a maker that was killed may still be at work in the engine, which lists only what is complete.
    const pending = recorded.filter(({ id }) => id === null).map(({ name }) => withdraw(engine, token, name));
    const settled = (await Promise.all(pending)).every(Boolean);
    const found = await engine.listContainers({ all: true, filters: { label: [`${TOKEN_LABEL}=${token}`] } });
    await Promise.all(found.map(({ Id }) => remove(engine.getContainer(Id))));
    if (settled && found.length === 0) return;
    if (attempt === ATTEMPTS) throw new Error(`${found.length} containers could not be removed`);
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/**
 * Whether nothing of the lab can appear under a name any more. The engine reserves a name before it makes anything, so who
 * can take it knows that nothing is under way.
 */
async function withdraw(engine: Dockerode, token: string, name: string): Promise<boolean> {
  const image = (await engine.listImages()).at(0)?.Id;
  // Without an image nothing can have been made.
  if (image === undefined) return true;
  try {
    await remove(await engine.createContainer({ name, Image: image, Cmd: ['true'], Labels: { [TOKEN_LABEL]: token } }));
    return true;
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
  }
  try {
    const { Config } = await engine.getContainer(name).inspect();
    // Somebody else's, which the maker has met as well.
    return Config.Labels[TOKEN_LABEL] !== token;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** The engine answers 409 while somebody else's removal is under way, 404 after it. */
async function remove(container: Dockerode.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
  }
}
