/** Starts the relay of a lab. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeCommand, NodeProcess } from '../backend/node-process.js';
import { LabError } from '../error.js';
import type { Plan, PlannedEnd } from '../plan/plan.js';
import { RELAY_NODE, relayedLinks, relayInterface } from '../plan/relay.js';
import type { LabDirectory } from '../record/directory.js';
import { endProcesses } from '../record/end-processes.js';
import { isAlive } from '../record/identity.js';
import { type RecordedProcess, TOKEN_VARIABLE } from '../record/record.js';
import { builtProgram, requireBuilt } from '../running/built.js';
import { startProcess } from '../running/process.js';
import { recordProcess } from '../running/recorded-process.js';
import { waitUntil } from '../running/wait.js';
import { askRelay } from './client.js';
import type { RelayConfig, RelayDirection, RelayLink } from './protocol.js';

const START_TIMEOUT_MS = 10_000;

/** `directory` is the lab's. */
export function relaySocket(directory: string): string {
  return join(directory, RELAY_NODE, 'relay.sock');
}

export function relayConfigFile(directory: string): string {
  return join(directory, RELAY_NODE, 'relay.json');
}

/** The program and its configuration; `directory` is the lab's. Throws LabError (E_LAB_NOT_BUILT). */
export function relayCommand(directory: string): string[] {
  return [process.execPath, builtProgram('lab', 'relay', 'main.js'), relayConfigFile(directory)];
}

/**
 * Writes the configuration, starts the relay by `launch` in its namespace, records it and waits until packets pass.
 * Throws LabError (E_LAB_NOT_BUILT, E_LAB_RELAY).
 */
export async function startRelay(
  directory: LabDirectory,
  plan: Plan,
  launch: (command: NodeCommand) => Promise<NodeProcess>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const command = relayCommand(directory.path);
  requireBuilt(command[1] as string);
  const { lab, token } = directory.record;
  mkdirSync(directory.of(RELAY_NODE), { recursive: true });
  writeFileSync(relayConfigFile(directory.path), relayConfigText(lab, directory.path, plan));
  const log = join(directory.of(RELAY_NODE), 'relay.log');
  const env = { MPIP_LAB: lab, [TOKEN_VARIABLE]: token };
  const own: NodeCommand = { command, env, stdout: log, stderr: log, outlives: true };
  const started = await startProcess(RELAY_NODE, command, () => launch(own), {});
  try {
    recordProcess(directory, started);
  } catch (error) {
    await started.stop();
    throw error;
  }
  const missing = await waitUntil(() => answers(directory), START_TIMEOUT_MS, signal);
  if (missing !== null) throw failure(`did not start within ${START_TIMEOUT_MS} ms: ${missing}`, log);
}

/**
 * Ends the relay if it lives and starts it with the links as the lab's plan has them now: queues empty, randomness and traces at their start.
 * Throws as startRelay does.
 */
export async function restartRelay(
  directory: LabDirectory,
  launch: (command: NodeCommand) => Promise<NodeProcess>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await endProcesses(() => livingRelays(directory));
  directory.update(({ processes }) => ({ processes: processes.filter(({ node }) => node !== RELAY_NODE) }));
  await startRelay(directory, directory.plan, launch, signal);
}

/** The relay of a lab as its record has it; none when it has ended. */
export function livingRelays(directory: LabDirectory): RecordedProcess[] {
  return directory.refresh().processes.filter((own) => own.node === RELAY_NODE && isAlive(own));
}

async function answers(directory: LabDirectory): Promise<string | null> {
  if (livingRelays(directory).length === 0) {
    throw failure('ended while it started', join(directory.of(RELAY_NODE), 'relay.log'));
  }
  try {
    await askRelay(relaySocket(directory.path), { what: 'counters' });
    return null;
  } catch (error) {
    if (error instanceof LabError && error.code === 'E_LAB_RELAY') return error.message;
    throw error;
  }
}

/** What its configuration file says. */
export function relayConfigText(lab: string, directory: string, plan: Plan): string {
  const config: RelayConfig = {
    lab,
    socket: relaySocket(directory),
    links: relayedLinks(plan).map(({ name, mtu, ends: [a, b], cut = false }): RelayLink => {
      const interfaces = [relayInterface(plan, name, 0), relayInterface(plan, name, 1)] as const;
      return { name, mtu, interfaces, cut, directions: [directionOf(a), directionOf(b)] };
    }),
  };
  return JSON.stringify(config);
}

function directionOf({ shaping, emulation }: PlannedEnd): RelayDirection {
  if (emulation === null) throw new TypeError('a relayed link has an emulation in both directions');
  return { ...emulation, rateBps: shaping?.rateBps ?? null };
}

function failure(what: string, log: string): LabError {
  return new LabError(
    'E_LAB_RELAY',
    [`the relay ${what}`, readFileSync(log, 'utf8').trim()].filter(Boolean).join('\n'),
  );
}
