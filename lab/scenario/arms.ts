/** Arms of scenarios. */
import { type Arm, MPIP, MPTCP, PLAIN_IP } from '../experiment/experiment.js';
import { hasWay } from '../experiment/limit-of.js';
import { makePlan } from '../plan/make.js';
import type { Plan } from '../plan/plan.js';
import type { Report } from '../topology/report.js';
import type { Topology } from '../topology/topology.js';
import { kindOf, type Workload } from '../workloads/kinds.js';
import { unknown } from './events.js';
import type { ArmDocument } from './schema.js';

const NAMED: Readonly<Record<string, Arm>> = { ip: PLAIN_IP, mpip: MPIP, mptcp: MPTCP };

export function checkArms(
  documents: readonly ArmDocument[],
  topology: Topology,
  workloads: readonly Workload[],
  report: Report,
): Arm[] {
  const hasMpipHosts = topology.nodes.some(({ mpip }) => mpip !== null);
  const seen = new Set<string>();
  return documents.map((document, index) => {
    const path = ['arms', index];
    const arm = armOf(document);
    if (seen.has(arm.id)) report(path, `there is an arm ${JSON.stringify(arm.id)} already`);
    seen.add(arm.id);
    if (arm.mpip && !hasMpipHosts) report(path, 'no host of the topology has mpip, so mpipd runs nowhere');
    const without = typeof document === 'string' ? [] : (document.without ?? []);
    if (without.length === 0) return arm;
    const plan = planWithout(topology, without, (message) => report([...path, 'without'], message));
    for (const workload of workloads) {
      const flow = kindOf(workload).flow(workload);
      if (flow === null || hasWay(plan, flow)) continue;
      report([...path, 'without'], `leaves ${flow.client} no way to ${flow.server}, which ${workload.name} needs`);
    }
    return { ...arm, plan };
  });
}

function armOf(document: ArmDocument): Arm {
  if (typeof document === 'string') return NAMED[document]!;
  const { name, label = name, mpip = false, mptcp = false } = document;
  const settings = typeof mpip === 'object' ? { settings: mpip } : {};
  return { id: name, label, mpip: mpip !== false, mptcp, ...settings };
}

/** Nodes stay, with the interfaces that are left. */
function planWithout(topology: Topology, without: readonly string[], refuse: (message: string) => void): Plan {
  const names = topology.links.map(({ name }) => name);
  for (const link of without) if (!names.includes(link)) refuse(unknown('link', link, names));
  return makePlan({ ...topology, links: topology.links.filter(({ name }) => !without.includes(name)) });
}
