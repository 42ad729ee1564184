/** Measures the links of a running lab before anything else uses them. */
import type { Backend } from '../backend/backend.js';
import { launchHere } from '../backend/netns/launch.js';
import { LabError } from '../error.js';
import type { Plan, PlannedLink } from '../plan/plan.js';
import { relayedLinks } from '../plan/relay.js';
import type { LabDirectory } from '../record/directory.js';
import { TOKEN_VARIABLE } from '../record/record.js';
import { type Calibration, expectedOf } from '../relay/calibration/direction.js';
import type { CalibrationRequest, Measured, Place } from '../relay/calibration/measure.js';
import { resetRelay } from '../relay/client.js';
import { relaySocket } from '../relay/start.js';
import { builtProgram, requireBuilt } from './built.js';
import { execute } from './exec.js';

/** A machine that was busy for a moment is no reason to fail; one that is too slow fails every time. */
const ATTEMPTS = 5;

/**
 * Measures each direction of all links, in parallel, and puts them back as they were. Throws LabError
 * (E_LAB_CALIBRATION) that names the directions that are not what the topology says.
 */
export async function calibrate(
  directory: LabDirectory,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Calibration[]> {
  const { plan } = directory;
  const { links } = plan;
  const measured = links.flatMap((link) => ([0, 1] as const).map((end) => measuredOf(directory, link, end)));
  let pending = measured;
  const done = new Map<Measured, Calibration>();
  for (let attempt = 0; attempt < ATTEMPTS && pending.length > 0; attempt++) {
    signal?.throwIfAborted();
    const found = await run(directory, pending, signal);
    pending.forEach((one, index) => void done.set(one, found[index] as Calibration));
    pending = pending.filter((one) => done.get(one)?.faults.length !== 0);
  }
  await restore(directory, backend, plan, links);
  const calibrations = measured.map((one) => done.get(one) as Calibration);
  const failed = calibrations.filter(({ faults }) => faults.length > 0);
  if (failed.length === 0) return calibrations;
  const lines = failed.map(
    ({ link, from, to, emulator, faults }) => `  ${link} ${from}->${to} (${emulator}): ${faults.join('; ')}`,
  );
  throw new LabError(
    'E_LAB_CALIBRATION',
    [`links are not what the topology says, measured ${ATTEMPTS} times:`, ...lines].join('\n'),
  );
}

async function run(
  directory: LabDirectory,
  measured: readonly Measured[],
  signal: AbortSignal | undefined,
): Promise<Calibration[]> {
  const program = builtProgram('lab', 'relay', 'calibration', 'main.js');
  requireBuilt(program);
  const command = [process.execPath, program];
  const { lab, token } = directory.record;
  const env = { MPIP_LAB: lab, [TOKEN_VARIABLE]: token };
  const relay = relayedLinks(directory.plan).length > 0 ? relaySocket(directory.path) : null;
  const request: CalibrationRequest = { directions: measured, relay };
  const launch = () => launchHere('calibration', command, { command, env, input: JSON.stringify(request) });
  const { stdout } = await execute('calibration', command, launch, signal === undefined ? {} : { signal });
  return JSON.parse(stdout);
}

/** Queues empty, randomness and traces at their start: what follows is the same with and without calibration. */
async function restore(
  directory: LabDirectory,
  backend: Backend,
  plan: Plan,
  links: readonly PlannedLink[],
): Promise<void> {
  if (relayedLinks(plan).length > 0) await resetRelay(relaySocket(directory.path));
  for (const link of links) await backend.shape(directory.record, link, true);
}

function measuredOf(directory: LabDirectory, link: PlannedLink, end: 0 | 1): Measured {
  const placeOf = (at: 0 | 1): Place => {
    const { node, interface: device } = link.ends[at];
    const namespace = directory.record.namespaces.find((own) => own.node === node)?.name;
    if (namespace === undefined) throw new TypeError(`node ${node} has no namespace`);
    return { namespace, interface: device };
  };
  return {
    expected: expectedOf(link, end),
    source: placeOf(end),
    destination: placeOf(end === 0 ? 1 : 0),
  };
}
