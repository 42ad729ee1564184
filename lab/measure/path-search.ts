/** How long two hosts take to find their paths, from the first packet that one sends to the other. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../error.js';
import type { MpipDaemon } from '../running/mpipd.js';
import type { LabNode } from '../running/node.js';

/** A path that a host has found. */
export interface FoundPath {
  readonly node: string;
  readonly source: string;
  readonly destination: string;
  /** From the first packet until the path was live. */
  readonly seconds: number;
}

export interface PathSearch {
  readonly client: LabNode;
  readonly server: LabNode;
  /** Address of the server that the first packet goes to. */
  readonly target: string;
  /** How many paths there are; the search is over when both hosts have as many. */
  readonly paths: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Tells the time and connects, to a port that nobody listens on: mpipd looks for hosts behind the connections that it sees. */
const FIRST_PACKET = `
const socket = require('node:net').connect({ host: process.argv[1], port: 9 });
process.stdout.write(String(Date.now()));
socket.on('error', () => {});
socket.on('connect', () => socket.destroy());`;
const POLL_MS = 20;

/**
 * Both daemons start anew, without peers in their settings, and know nothing of each other until the packet is seen. Returns what both hosts
 * have found when they have found all, or when the time is over. Throws LabError; when `signal` aborts, its reason.
 */
export async function searchPaths(search: PathSearch): Promise<FoundPath[]> {
  const { client, server, target, paths, timeoutMs, signal } = search;
  const hosts = [client, server].map((node) => ({ node: node.name, daemon: daemonOf(node) }));
  await Promise.all(hosts.map(({ daemon }) => daemon.restart()));
  const command = [process.execPath, '-e', FIRST_PACKET, target];
  const { stdout } = await client.exec(command, signal === undefined ? {} : { signal });
  const start = Number(stdout);
  const found = (): FoundPath[] =>
    hosts.flatMap(({ node, daemon }) => livePaths(daemon.logFile, start).map((path) => ({ node, ...path })));
  while (found().length < hosts.length * paths && Date.now() - start < timeoutMs) {
    signal?.throwIfAborted();
    await sleep(POLL_MS);
  }
  return found();
}

/** Throws LabError. */
function daemonOf({ name, mpip }: LabNode): MpipDaemon {
  if (mpip === undefined) throw new LabError('E_LAB_MPIPD', `${name} does not run mpipd`);
  return mpip;
}

interface LogLine {
  readonly time: string;
  readonly event: string;
  readonly source: string;
  readonly destination: string;
  readonly to: string;
}

/** The first time that each path became live after `startMs`, as the log tells; all nodes have the clock of this machine. */
function livePaths(logFile: string, startMs: number): Omit<FoundPath, 'node'>[] {
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
  const paths = new Map<string, Omit<FoundPath, 'node'>>();
  for (const line of lines) {
    if (!line.startsWith('{')) continue;
    const { time, event, source, destination, to } = JSON.parse(line) as LogLine;
    const seconds = (Date.parse(time) - startMs) / 1000;
    if (event !== 'path-state' || to !== 'live' || seconds < 0) continue;
    const key = `${source} ${destination}`;
    if (!paths.has(key)) paths.set(key, { source, destination, seconds });
  }
  return [...paths.values()];
}
