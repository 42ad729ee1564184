/** What mpipd is told by its YAML file. docs/configuration.md is the reader's side of this file. */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_CONFIG, type NodeConfig } from '../core/config.js';
import { ipAddress } from '../document/address.js';
import { type OpenDocument, openDocument, readText } from '../document/document.js';
import type { DocumentProblem } from '../document/error.js';
import { nearest } from '../document/nearest.js';
import { duration } from '../document/quantity.js';
import { controlSocketPath, DEFAULT_STATE_DIRECTORY } from './control/protocol.js';
import { pathName, rulesSchema } from './rules/schema.js';

/** sun_path of Linux holds 108 bytes with its final zero (unix(7)). */
const UNIX_PATH_BYTES = 107;
/** IFNAMSIZ of Linux holds 16 bytes with its final zero. */
const INTERFACE_NAME_CHARACTERS = 15;
const SHORTEST_KEEP_ALIVE_US = 1_000_000;

const reorderMode = z.enum(['off', 'paper', 'adaptive']);
const absolutePath = z.string().refine(isAbsolute, { error: 'expected an absolute path such as /run/mpipd' });
const interfaceName = z
  .string()
  .regex(/^[^\s/]+$/, 'an interface has a name without spaces and slashes')
  .max(INTERFACE_NAME_CHARACTERS);
const interfacePattern = z
  .string()
  .regex(/^[^\s/]+$/, 'expected the name of an interface, where * stands for any characters and ? for one');

const pathDescription = z
  .strictObject({
    name: pathName.optional(),
    interfaces: z.array(interfacePattern).min(1).optional(),
    addresses: z.array(ipAddress).min(1).optional(),
    metered: z.boolean().default(false),
    backup: z.boolean().default(false),
  })
  .refine(({ name, metered, backup }) => name !== undefined || metered || backup, {
    error: 'says nothing of these paths; give name, metered or backup',
  });

/** What every node can be told; a lab topology says it under `mpip:` of a node. */
export const mpipSettings = z.strictObject({
  port: z.int().min(1).max(65535).default(DEFAULT_CONFIG.port),
  peers: z.array(ipAddress).default([]),
  ignore: z.array(ipAddress).default([]),
  transport: z.enum(['auto', 'udp', 'tcp']).default(DEFAULT_CONFIG.transport),
  scheduler: z.enum(['earliest', 'paper']).default(DEFAULT_CONFIG.scheduler),
  reorder: z
    .strictObject({
      tcp: reorderMode.default(DEFAULT_CONFIG.reorder.tcp),
      udp: reorderMode.default(DEFAULT_CONFIG.reorder.udp),
    })
    .prefault({}),
  'min-delay': z.enum(['windowed', 'all-time']).default(DEFAULT_CONFIG.minDelay),
  'keep-alive': duration
    .refine((us) => us >= SHORTEST_KEEP_ALIVE_US, { error: 'must be at least 1s' })
    .default(DEFAULT_CONFIG.keepAlive),
  authentication: z.boolean().default(DEFAULT_CONFIG.authentication),
  secret: z.string().min(1).optional(),
  interfaces: z
    .strictObject({ include: z.array(interfacePattern).default([]), exclude: z.array(interfacePattern).default([]) })
    .prefault({}),
  paths: z.array(pathDescription).default([]),
  rules: rulesSchema.default([]),
  log: z
    .strictObject({
      level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
      format: z.enum(['json', 'text']).optional(),
      file: absolutePath.optional(),
    })
    .prefault({}),
});

const daemonDocument = mpipSettings.extend({
  'node-id-file': absolutePath.default('/var/lib/mpipd/node-id'),
  state: absolutePath.default(DEFAULT_STATE_DIRECTORY),
  tun: interfaceName.default('mpip0'),
  mark: z.int().min(1).max(0xffffffff).default(0x6d70),
  // 0 and 253 to 255 are the kernel's own tables.
  table: z
    .int()
    .min(1)
    .max(0xffffffff)
    .refine((table) => table < 253 || table > 255, {
      error: 'tables 253 to 255 are the default, main and local tables of the kernel',
    })
    .default(6747),
  // 0 is the local table, 32766 and 32767 are main and default: the rule must stand between them.
  'rule-priority': z.int().min(1).max(32765).default(670),
  'secret-file': absolutePath.optional(),
});

export type MpipSettings = z.output<typeof mpipSettings>;

export interface LogConfig {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Absent: text on a terminal, JSON elsewhere. */
  readonly format?: 'json' | 'text';
  /** Absent: standard error. */
  readonly file?: string;
}

/** Names of interfaces, `*` and `?` as in a shell. */
export interface InterfaceFilter {
  /** Empty = all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface DaemonConfig {
  readonly nodeIdFile: string;
  /** Holds the control socket, the process id and the record of what was changed on the host. */
  readonly stateDirectory: string;
  readonly tunName: string;
  /** Mark of mpipd's own packets, routing table and priority of the rule that leads to it. */
  readonly mark: number;
  readonly table: number;
  readonly rulePriority: number;
  readonly interfaces: InterfaceFilter;
  readonly log: LogConfig;
  readonly secret: { readonly text: string } | { readonly file: string } | undefined;
  readonly node: Omit<NodeConfig, 'nodeId' | 'secret'>;
}

/** The secret cannot be had. */
export class SecretError extends Error {
  readonly code = 'E_SECRET';
  override readonly name = 'SecretError';
}

/** Checks a configuration; an empty one is all defaults. `file` is a name for messages. Throws DocumentError. */
export function parseDaemonConfig(text: string, file: string): DaemonConfig {
  const document = openDocument(daemonDocument, text, file);
  document.reject(contradictions(document));
  const { value } = document;
  return {
    nodeIdFile: value['node-id-file'],
    stateDirectory: value.state,
    tunName: value.tun,
    mark: value.mark,
    table: value.table,
    rulePriority: value['rule-priority'],
    interfaces: value.interfaces,
    log: {
      level: value.log.level,
      ...(value.log.format && { format: value.log.format }),
      ...(value.log.file && { file: value.log.file }),
    },
    secret: secretOf(value.secret, value['secret-file']),
    node: {
      port: value.port,
      transport: value.transport,
      scheduler: value.scheduler,
      reorder: value.reorder,
      minDelay: value['min-delay'],
      authentication: value.authentication,
      keepAlive: value['keep-alive'],
      peers: value.peers,
      ignore: value.ignore,
      paths: value.paths.map(({ name, interfaces, addresses, metered, backup }) => ({
        ...(name !== undefined && { name }),
        ...(interfaces && { interfaces }),
        ...(addresses && { addresses }),
        metered,
        backup,
      })),
      rules: value.rules,
    },
  };
}

/** Reads and checks a configuration file. Throws DocumentError. */
export async function readDaemonConfig(file: string): Promise<DaemonConfig> {
  return parseDaemonConfig(await readText(file), file);
}

/** The secret's bytes, without the line end of a file; empty when there is none. Throws SecretError. */
export async function readSecret(config: Pick<DaemonConfig, 'secret'>): Promise<Uint8Array> {
  if (!config.secret) return new Uint8Array(0);
  if ('text' in config.secret) return new TextEncoder().encode(config.secret.text);
  const { file } = config.secret;
  let bytes: Buffer;
  try {
    if (((await stat(file)).mode & 0o007) !== 0) {
      throw new SecretError(`${file} holds the secret but everyone may use it: chmod o-rwx ${file}`);
    }
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof SecretError) throw error;
    throw new SecretError(`cannot read the secret: ${(error as Error).message}`, { cause: error });
  }
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  if (end === 0) throw new SecretError(`${file} is to hold the secret but is empty`);
  return Uint8Array.from(bytes.subarray(0, end));
}

function secretOf(text: string | undefined, file: string | undefined): DaemonConfig['secret'] {
  if (text !== undefined) return { text };
  return file === undefined ? undefined : { file };
}

/** What single values cannot show. */
function contradictions({ value, problemAt }: OpenDocument<z.output<typeof daemonDocument>>): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  if (value.secret !== undefined && value['secret-file'] !== undefined) {
    problems.push(problemAt(['secret-file'], 'there is a secret already; give one of secret and secret-file', 'key'));
  }
  if (!value.authentication && (value.secret ?? value['secret-file']) !== undefined) {
    problems.push(problemAt(['authentication'], 'a secret is of no use when authentication is off', 'key'));
  }
  value.peers.forEach((peer, index) => {
    if (value.ignore.includes(peer)) problems.push(problemAt(['peers', index], `${peer} is also under ignore`));
    if (value.peers.indexOf(peer) < index) problems.push(problemAt(['peers', index], `${peer} stands here twice`));
  });
  const names = value.paths.flatMap(({ name }) => name ?? []);
  value.rules.forEach(({ select }, index) => {
    select.names?.forEach((name, i) => {
      if (names.includes(name)) return;
      const meant = nearest(name, names);
      const hint = meant === undefined ? '' : `, did you mean ${JSON.stringify(meant)}?`;
      problems.push(
        problemAt(['rules', index, 'paths', 'names', i], `no path is called ${JSON.stringify(name)}${hint}`),
      );
    });
  });
  const socket = controlSocketPath(value.state);
  if (Buffer.byteLength(socket) > UNIX_PATH_BYTES) {
    const room = UNIX_PATH_BYTES - Buffer.byteLength(join('/', socket.slice(value.state.length)));
    problems.push(problemAt(['state'], `is too long for a unix socket; at most ${room} bytes`));
  }
  return problems;
}
