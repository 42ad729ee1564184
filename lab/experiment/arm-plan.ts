/** The plan of an arm: that of the topology, with plain hosts or with the arm's settings of mpipd. */
import { withoutMpip } from '../plan/make.js';
import type { Plan } from '../plan/plan.js';
import type { MpipSettings } from '../topology/topology.js';
import type { Arm } from './experiment.js';

/** `whole`: of the topology. */
export function planOf(arm: Arm, whole: Plan): Plan {
  const { mpip, settings = {}, plan = whole } = arm;
  if (!mpip) return withoutMpip(plan);
  const nodes = plan.nodes.map((node) =>
    node.mpip === null ? node : { ...node, mpip: { ...node.mpip, settings: over(node.mpip.settings, settings) } },
  );
  return { ...plan, nodes };
}

/** Maps are joined, all else is replaced. */
function over(below: MpipSettings, above: MpipSettings): MpipSettings {
  const joined = Object.entries(above).map(([key, value]) => {
    const old = below[key];
    return [key, isMap(old) && isMap(value) ? over(old, value) : value];
  });
  return { ...below, ...Object.fromEntries(joined) };
}

function isMap(value: unknown): value is MpipSettings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
