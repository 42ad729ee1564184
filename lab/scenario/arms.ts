/** Arms of scenarios. */
import { type Arm, MPIP, MPTCP, PLAIN_IP } from '../experiment/experiment.js';
import type { Report } from '../topology/report.js';
import type { ArmDocument } from './schema.js';

const NAMED: Readonly<Record<string, Arm>> = { ip: PLAIN_IP, mpip: MPIP, mptcp: MPTCP };

export function checkArms(documents: readonly ArmDocument[], hasMpipHosts: boolean, report: Report): Arm[] {
  const seen = new Set<string>();
  return documents.map((document, index) => {
    const path = ['arms', index];
    const arm = armOf(document);
    if (seen.has(arm.id)) report(path, `there is an arm ${JSON.stringify(arm.id)} already`);
    seen.add(arm.id);
    if (arm.mpip && !hasMpipHosts) report(path, 'no host of the topology has mpip, so mpipd runs nowhere');
    return arm;
  });
}

function armOf(document: ArmDocument): Arm {
  if (typeof document === 'string') return NAMED[document]!;
  const { name, label = name, mpip = false, mptcp = false } = document;
  const settings = typeof mpip === 'object' ? { settings: mpip } : {};
  return { id: name, label, mpip: mpip !== false, mptcp, ...settings };
}
