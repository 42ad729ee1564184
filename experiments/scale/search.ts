/** How many paths the hosts find, and how soon. */

import type { StudyRun } from '../../lab/experiment/study.js';
import { type Calibration, Lab } from '../../lab/lab.js';
import { type FoundPath, searchPaths } from '../../lab/measure/path-search.js';
import { durationMetrics, median } from '../../lab/results/distribution.js';
import { CLIENT, planOf, roundTrip, SERVER, type Shape, TARGET } from './topology.js';

const SEARCHES = 5;
/** Of the longest round trip; what has not been found then counts as not found. */
const TIMEOUT_RTTS = 20;

export interface SearchOutcome {
  readonly metrics: Record<string, number>;
  readonly calibration: readonly Calibration[];
}

export async function search(shape: Shape, { backend, signal }: StudyRun): Promise<SearchOutcome> {
  const plan = planOf(shape, 'search');
  const options = { waitForPaths: false, calibrate: true };
  await using lab = await Lab.up(plan, { ...options, ...(backend && { backend }), ...(signal && { signal }) });
  const expected = plan.paths.filter(({ from }) => from === CLIENT);
  const longest = Math.max(...expected.map(({ source, destination }) => roundTrip(source, destination)));
  const timeoutMs = TIMEOUT_RTTS * longest * 1000;
  const [client, server] = [lab.node(CLIENT), lab.node(SERVER)];
  const once = () => searchPaths({ client, server, target: TARGET, paths: expected.length, timeoutMs, signal });
  // The first one waits for ARP at each hop, which is the links' matter.
  await once();
  const searches: FoundPath[][] = [];
  while (searches.length < SEARCHES) searches.push(await once());
  const found = searches.map((paths) => Math.min(...[CLIENT, SERVER].map((host) => countOf(paths, host))));
  const times = searches.map((paths) => Math.max(...paths.map(({ seconds }) => seconds)));
  const rtts = searches.map((paths) => Math.max(...paths.map(inRoundTrips)));
  return {
    metrics: {
      'paths.expected': expected.length,
      'paths.found': Math.min(...found),
      ...durationMetrics('paths.time', times),
      'paths.slowest_rtts': median(rtts),
      'paths.slowest_rtts_max': Math.max(...rtts),
    },
    calibration: lab.calibration ?? [],
  };
}

function countOf(paths: readonly FoundPath[], host: string): number {
  return paths.filter(({ node }) => node === host).length;
}

function inRoundTrips({ source, destination, seconds }: FoundPath): number {
  return seconds / roundTrip(source, destination);
}
