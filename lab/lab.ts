/**
 * The lab as a library:
 *
 *     await using lab = await Lab.up(await readTopology('two-paths.yaml'));
 *     await lab.node('a').exec(['ip', 'route']);
 *     await lab.link('path1').set({ carrier: 'down' });
 */
export type { InterfaceCounters } from './backend/counters.js';
export type { ProcessExit } from './backend/node-process.js';
export { forThisMachine } from './doctor/emulation.js';
export { LabCommandError, LabError, LabMachineError } from './error.js';
export type { LabEvent } from './experiment/events.js';
export type { Arm } from './experiment/experiment.js';
export type { RunObserver } from './experiment/run-trials.js';
export { makePlan, withoutMpip } from './plan/make.js';
export type { Emulator, Plan, PlannedEmulation, PlannedLink, PlannedNode, PlannedPath, Shaping } from './plan/plan.js';
export type { Calibration } from './relay/calibration/direction.js';
export { type ResultDocument, ResultDocumentSchema } from './results/document.js';
export type { ExecOptions, ExecResult } from './running/exec.js';
export { Lab, type UpOptions, type UpStep } from './running/lab.js';
export type { LabLink, LinkChange, LinkCounters } from './running/link.js';
export type { MpipDaemon } from './running/mpipd.js';
export type { LabNode, NodeInterface } from './running/node.js';
export type { LabProcess, SpawnOptions } from './running/process.js';
export { parseScenario, readScenario } from './scenario/read.js';
export { runScenario, type ScenarioRun } from './scenario/run.js';
export type { Scenario, ScenarioCase } from './scenario/scenario.js';
export { checkTopology } from './topology/check.js';
export { parseTopology, readTopology } from './topology/read.js';
export { topologySchema } from './topology/schema.js';
export type { BackendName, Topology } from './topology/topology.js';
