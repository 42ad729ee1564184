/** Workloads of scenarios. */
import type { Plan } from '../plan/plan.js';
import type { Report } from '../topology/report.js';
import type { Workload } from '../workloads/kinds.js';
import type { WebrtcWorkload } from '../workloads/webrtc/webrtc.js';
import { unknown } from './events.js';
import type { WorkloadDocument } from './schema.js';

/** `duration`: of the scenario, for workloads that give none. */
export function checkWorkloads(
  documents: readonly WorkloadDocument[],
  plan: Plan,
  duration: number | undefined,
  report: Report,
): Workload[] {
  const seen = new Set<string>();
  return documents.map((document, index) => {
    const path = ['workloads', index];
    const { name } = document;
    if (seen.has(name)) report([...path, 'name'], `there is a workload ${JSON.stringify(name)} already`);
    else if (plan.links.some((link) => link.name === name) || name === 'total') {
      report([...path, 'name'], `${JSON.stringify(name)} is also the name of a link or "total", whose metrics have it`);
    }
    seen.add(name);
    checkNodes(document, plan, (key, message) => report([...path, key], message));
    return workloadOf(document, duration, (message) => report([...path, 'duration'], message));
  });
}

function checkNodes(document: WorkloadDocument, plan: Plan, refuse: (key: string, message: string) => void): void {
  const names = plan.nodes.map(({ name }) => name);
  const keys = nodesOf(document);
  for (const [key, node] of Object.entries(keys)) {
    const planned = plan.nodes.find(({ name }) => name === node);
    if (planned === undefined) refuse(key, unknown('node', node, names));
    else if (key !== 'node' && planned.interfaces.every(({ addresses }) => addresses.length === 0)) {
      refuse(key, `${node} has no address`);
    }
  }
  if (document.type !== 'exec' && document.from === document.to) refuse('to', 'is the node that it starts from');
  if (
    document.type === 'video' &&
    document.proxy !== undefined &&
    [document.from, document.to].includes(document.proxy)
  ) {
    refuse('proxy', 'is one of the nodes that it stands between');
  }
}

/** By the keys that name them. */
function nodesOf(document: WorkloadDocument): Readonly<Record<string, string>> {
  if (document.type === 'exec') return { node: document.node };
  const { from, to } = document;
  return document.type === 'video' && document.proxy !== undefined ? { from, to, proxy: document.proxy } : { from, to };
}

function workloadOf(
  document: WorkloadDocument,
  whole: number | undefined,
  refuse: (message: string) => void,
): Workload {
  if (document.type === 'exec' || document.type === 'http') return document;
  if (document.type === 'iperf3' && document.size !== undefined) {
    return { ...document, duration: null, rate: document.rate ?? null };
  }
  const rest = whole === undefined ? undefined : whole - document.at;
  const duration = document.duration ?? rest;
  if (duration === undefined) refuse('needs a duration, here or for the whole scenario');
  else if (duration <= 0) refuse(`it starts at ${document.at} s, when the scenario of ${whole} s has ended`);
  else if (rest !== undefined && duration > rest) refuse(`it ends after the scenario of ${whole} s`);
  else if (document.type === 'iperf3' && !Number.isInteger(duration))
    refuse(`is ${duration} s; iperf3 takes whole seconds`);
  const lasting = { ...document, duration: duration ?? 1 };
  if (lasting.type === 'webrtc') return callOf(lasting);
  if (lasting.type === 'video') {
    const { proxy = null, start = null, seek = null, ...rest } = lasting;
    if (seek !== null && seek.at >= rest.duration) refuse(`of ${rest.duration} s ends before the seek at ${seek.at} s`);
    return { ...rest, proxy, start, seek };
  }
  return lasting.type === 'iperf3' ? { ...lasting, rate: lasting.rate ?? null } : lasting;
}

function callOf(document: Extract<WorkloadDocument, { type: 'webrtc' }> & { duration: number }): WebrtcWorkload {
  const { resolution, fps, codec, bitrate, degradation, 'one-way': oneWay, ...rest } = document;
  const bounds = { min: bitrate.min ?? null, start: bitrate.start ?? null, max: bitrate.max ?? null };
  const video = { ...resolution, fps, codec, degradation, bitrate: bounds };
  return { ...rest, oneWay, video };
}
