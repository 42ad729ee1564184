/** Scenario files. */
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { type OpenDocument, openDocument, readText } from '../../src/document/document.js';
import type { DocumentProblem } from '../../src/document/error.js';
import type { Parameters } from '../../src/document/parameters.js';
import type { DocumentPath } from '../../src/document/positions.js';
import { makePlan } from '../plan/make.js';
import { checkTopology } from '../topology/check.js';
import { readTopology } from '../topology/read.js';
import type { Report } from '../topology/report.js';
import type { Topology } from '../topology/topology.js';
import { findTraces } from '../topology/trace-paths.js';
import { traceProblem } from '../topology/traces.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import { checkArms } from './arms.js';
import { faultOf, problemOf } from './claims.js';
import { checkEvents, unknown } from './events.js';
import { combinations, isFor, type Only } from './matrix.js';
import { checkMeasures } from './measures.js';
import type { Scenario, ScenarioCase } from './scenario.js';
import { preludeSchema, type ScenarioDocument, scenarioSchema } from './schema.js';
import { checkWorkloads } from './workloads.js';

/** Rates have settled by then in most runs. */
const DEFAULT_SETTLE_SECONDS = 2;

/** Reads a scenario file and its topology. Throws DocumentError: every problem with file, line and column. */
export async function readScenario(file: string): Promise<Scenario> {
  return parseScenario(await readText(file), file);
}

/** `file` is a name for messages, and what the path of the topology starts from. Throws DocumentError. */
export async function parseScenario(text: string, file: string): Promise<Scenario> {
  const { matrix = {} } = openDocument(preludeSchema, text, file).value;
  const read = combinations(matrix).map((parameters) => ({
    parameters,
    document: openDocument(scenarioSchema, text, file, parameters),
  }));
  const { value } = read[0]!.document;
  const name = value.name ?? basename(file).replace(/\.[^.]*$/, '');
  const cases: ScenarioCase[] = [];
  for (const { document, parameters } of read) cases.push(await caseOf(document, parameters, name));
  const { title = name, paper = null, repeat, figure = null, overview = null } = value;
  const short = value.short === undefined ? null : { only: undefined, ...value.short };
  return { name, title, paper, file, cases, repeat, short, figure, overview };
}

async function caseOf(
  document: OpenDocument<ScenarioDocument>,
  parameters: Parameters,
  name: string,
): Promise<ScenarioCase> {
  const { value } = document;
  const problems: DocumentProblem[] = [];
  const report: Report = (path, message, at) => void problems.push(document.problemAt(path, message, at));
  const topology = await topologyOf(document, parameters, name);
  const plan = makePlan(topology);
  const workloads = checkWorkloads(value.workloads, plan, value.duration, report);
  const arms = checkArms(value.arms, topology, workloads, report);
  document.reject(problems);
  const duration = value.duration ?? endOf(workloads);
  const events = checkEvents(value.events, parameters, plan, duration, document.file, report);
  const measures = checkMeasures(value.measures, events, plan, workloads, report);
  reportUnknown(value, parameters, report);
  document.reject(problems);
  value.claims.forEach(({ text, key, only }, index) => {
    if (!isFor(only, parameters)) return;
    const fault = faultOf(text, arms, plan, workloads, measures);
    if (fault !== null) {
      problems.push(problemOf(document.problemAt(['claims', index, ...key], fault.message), text, fault));
    }
  });
  document.reject(problems);
  const { settle = DEFAULT_SETTLE_SECONDS } = value;
  const claims = value.claims.filter(({ only }) => isFor(only, parameters)).map(({ text }) => text);
  const { bin } = value;
  return { parameters, plan, arms, workloads, events, duration, settle, measures, bin, claims };
}

/** Conditions that no combination can meet, since they name what is no parameter. */
function reportUnknown({ events, claims, short }: ScenarioDocument, parameters: Parameters, report: Report): void {
  const names = Object.keys(parameters);
  const check = (only: Only | undefined, path: DocumentPath): void => {
    for (const name of Object.keys(only ?? {})) {
      if (!names.includes(name)) report([...path, 'only', name], unknown('parameter', name, names), 'key');
    }
  };
  events.forEach(({ only }, index) => void check(only, ['events', index]));
  claims.forEach(({ only }, index) => void check(only, ['claims', index]));
  if (short !== undefined && 'only' in short) check(short.only, ['short']);
}

/** When the last workload ends; null when one lasts until it is done. */
function endOf(workloads: readonly Workload[]): number | null {
  const ends = workloads.map((workload) => {
    const duration = kindOf(workload).duration(workload);
    return duration === null ? null : (workload.at ?? 0) + duration;
  });
  return ends.some((end) => end === null) ? null : Math.max(...ends.map((end) => end ?? 0));
}

async function topologyOf(
  document: OpenDocument<ScenarioDocument>,
  parameters: Parameters,
  name: string,
): Promise<Topology> {
  const { topology } = document.value;
  const problems: DocumentProblem[] = [];
  if (typeof topology === 'string') {
    const path = isAbsolute(topology) ? topology : join(dirname(document.file), topology);
    if (!existsSync(path)) problems.push(document.problemAt(['topology'], `${path}: no such file`));
    document.reject(problems);
    return readTopology(path, parameters);
  }
  const { value, traces } = findTraces(topology, () => document.file);
  const checked = checkTopology({ ...value, name: topology.name ?? name }, (path, message, at) => {
    problems.push(document.problemAt(['topology', ...path], message, at));
  });
  for (const { path, file } of traces) {
    const problem = traceProblem(file);
    if (problem !== null) problems.push(document.problemAt(['topology', ...path], problem));
  }
  document.reject(problems);
  return checked;
}
