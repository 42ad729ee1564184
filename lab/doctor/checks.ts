/** What this machine has of all that the lab can use, found by trying rather than by asking for versions. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import { connectEngine, ENGINE_REMEDY, engineSocket } from '../backend/docker/engine.js';
import { nodeImage, requireImage } from '../backend/docker/image.js';
import { findProgram, isRoot, readKernelFile } from './machine.js';

export interface Finding {
  readonly id: string;
  /** What it is for. */
  readonly purpose: string;
  readonly has: boolean;
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** How to get it; null where it is there. */
  readonly remedy: string | null;
  /** Whether no lab runs without it. */
  readonly needed: boolean;
}

interface Check extends Pick<Finding, 'id' | 'purpose' | 'needed'> {
  readonly remedy: string;
  /** What was found; throws, or gives undefined, where it is lacking. */
  find(): Promise<string | undefined> | string | undefined;
}

/** A minor version of Linux: UDP_SEGMENT came with 4.18, USO on TUN devices with 6.2. */
const UDP_GSO_LINUX = [4, 18] as const;
const DOCKER_TIMEOUT_MS = 2000;

const program = (name: string, packageName: string, purpose: string, needed = false): Check => ({
  id: name,
  purpose,
  needed,
  remedy: `apt-get install ${packageName}`,
  find: () => findProgram(name),
});

const qdisc = (kind: string, options: string, purpose: string, needed: boolean, remedy: string): Check => ({
  id: kind,
  purpose,
  needed,
  remedy,
  find: () => tryQdisc(kind, options),
});

const CHECKS: readonly Check[] = [
  {
    id: 'root',
    purpose: 'namespaces, links, TUN devices',
    needed: true,
    remedy: 'run as root (sudo)',
    find: () => (isRoot() ? 'effective user is root' : undefined),
  },
  program('ip', 'iproute2', 'namespaces and links', true),
  program('tc', 'iproute2', 'rates of links', true),
  {
    id: 'namespaces',
    purpose: 'nodes',
    needed: true,
    remedy: 'run as root outside of a restricted container (CAP_SYS_ADMIN, CAP_NET_ADMIN)',
    find: tryNamespace,
  },
  qdisc('tbf', 'rate 1mbit burst 16kb latency 50ms', 'rates of links', true, 'a kernel with CONFIG_NET_SCH_TBF'),
  qdisc(
    'netem',
    'delay 1ms',
    'delay and loss by the kernel',
    false,
    'a kernel with CONFIG_NET_SCH_NETEM (apt-get install linux-image-amd64)',
  ),
  {
    id: 'tun',
    purpose: 'mpipd',
    needed: false,
    remedy: 'modprobe tun; in a container: --device /dev/net/tun',
    find: () => openable('/dev/net/tun'),
  },
  {
    id: 'udp-gso',
    purpose: 'speed of mpipd',
    needed: false,
    remedy: `Linux ${UDP_GSO_LINUX.join('.')} or later`,
    find: () => atLeastLinux(...UDP_GSO_LINUX),
  },
  {
    id: 'cubic',
    purpose: 'TCP in all experiments',
    needed: false,
    remedy: 'modprobe tcp_cubic',
    find: () => listed('/proc/sys/net/ipv4/tcp_available_congestion_control', 'cubic'),
  },
  {
    id: 'mptcp',
    purpose: 'the arms that compare with MPTCP',
    needed: false,
    remedy: 'a kernel with CONFIG_MPTCP (Linux 5.6 or later)',
    find: () => {
      const enabled = readKernelFile('/proc/sys/net/mptcp/enabled');
      return enabled === undefined ? undefined : `the kernel has it (net.mptcp.enabled=${enabled})`;
    },
  },
  program('mptcpize', 'mptcpize', 'the arms that compare with MPTCP'),
  program('iperf3', 'iperf3', 'TCP and UDP workloads'),
  program('nft', 'nftables', 'NAT and firewalls'),
  program('tcpdump', 'tcpdump', 'captures'),
  program('tshark', 'tshark', 'reading captures, with docs/mpip.lua'),
  program('chromium', 'chromium', 'WebRTC and video experiments'),
  program('ffmpeg', 'ffmpeg', 'pictures of WebRTC and video experiments'),
  program('squid', 'squid', 'the proxy of video experiments'),
  {
    id: 'docker',
    purpose: 'labs of containers',
    needed: false,
    remedy: ENGINE_REMEDY,
    find: engineVersion,
  },
  {
    id: 'docker-image',
    purpose: 'labs of containers',
    needed: false,
    remedy: 'mpip-lab image build',
    find: async () => {
      await engineVersion();
      await requireImage(await connectEngine(engineSocket()));
      return nodeImage();
    },
  },
];

export async function examine(): Promise<Finding[]> {
  return Promise.all(
    CHECKS.map(async ({ id, purpose, needed, remedy, find }): Promise<Finding> => {
      try {
        const found = await find();
        if (found !== undefined) return { id, purpose, needed, has: true, detail: found, remedy: null };
        return { id, purpose, needed, has: false, detail: 'not found', remedy };
      } catch (error) {
        return { id, purpose, needed, has: false, detail: (error as Error).message, remedy };
      }
    }),
  );
}

/** In a network namespace without a name, which ends with the command. */
async function tryQdisc(kind: string, options: string): Promise<string> {
  await tool('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', kind, ...options.split(' ')]);
  return 'the kernel has it';
}

/** A namespace that is gone afterwards. Throws an Error with what ip(8) said. */
async function tryNamespace(): Promise<string> {
  const namespace = `mpip-doctor-${process.pid}-${randomBytes(3).toString('hex')}`;
  await tool('ip', ['netns', 'add', namespace]);
  await tool('ip', ['netns', 'delete', namespace]);
  return 'can be made';
}

/** Throws an Error with the first line of what the program says. */
async function tool(name: string, options: readonly string[]): Promise<void> {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  const { exitCode, stderr } = await execa(path, options, { reject: false, detached: true, stdin: 'ignore' });
  if (exitCode === 0) return;
  throw new Error((stderr.trim().split('\n')[0] ?? '').replace(/^Error: /, '') || `${name} failed`);
}

function openable(path: string): string {
  closeSync(openSync(path, 'r+'));
  return path;
}

function atLeastLinux(major: number, minor: number): string | undefined {
  const release = readKernelFile('/proc/sys/kernel/osrelease') ?? '';
  const [own = 0, ownMinor = 0] = release.split('.').map(Number);
  return own > major || (own === major && ownMinor >= minor) ? `Linux ${release}` : undefined;
}

function listed(file: string, word: string): string | undefined {
  return readKernelFile(file)?.split(/\s+/).includes(word) ? 'the kernel has it' : undefined;
}

/** The engine counts, not the client program: it is asked over its socket. */
async function engineVersion(): Promise<string> {
  const socket = engineSocket();
  const engine = await connectEngine(socket, DOCKER_TIMEOUT_MS);
  try {
    const { Version } = await engine.version();
    return `engine ${Version} at ${socket}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') throw new Error(`no engine runs at ${socket}`);
    throw error;
  }
}
