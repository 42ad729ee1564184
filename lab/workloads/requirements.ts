/** What workloads need of the machine, checked before a lab is brought up for them. */
import { backendOf } from '../backend/backends.js';
import { imagePackages } from '../backend/docker/image.js';
import { findProgram, readKernelFile } from '../doctor/machine.js';
import { LabMachineError } from '../error.js';
import type { Plan } from '../plan/plan.js';
import type { BackendName } from '../topology/topology.js';
import { SYSTEM_CONGESTION } from './iperf3.js';
import { kindOf, type Workload } from './kinds.js';

export interface Needs {
  readonly workloads: readonly Workload[];
  readonly mptcp: boolean;
  readonly plan: Pick<Plan, 'nodes' | 'backend'>;
  /** Default: the topology's, else `netns`. */
  readonly backend?: BackendName | undefined;
}

/** Debian packages of the programs. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  ffmpeg: 'ffmpeg',
  iperf3: 'iperf3',
  mptcpize: 'mptcpize',
  ping: 'iputils-ping',
  squid: 'squid',
  ss: 'iproute2',
};
const CONGESTION = '/proc/sys/net/ipv4/tcp_available_congestion_control';
const MPTCP = '/proc/sys/net/mptcp/enabled';

/** Throws LabMachineError that names everything that is missing and how to get it. */
export async function requireFor({ workloads, mptcp, plan, ...given }: Needs): Promise<void> {
  const backend = given.backend ?? plan.backend ?? 'netns';
  const problems = await backendOf({ backend }).lacks(plan);
  const programs = new Set([
    ...workloads.flatMap((workload) => kindOf(workload).programs(workload)),
    ...(mptcp ? ['mptcpize'] : []),
  ]);
  const missing = [...programs].filter((program) => !hasProgram(program, backend));
  if (missing.length > 0 && backend === 'docker') {
    problems.push(`the image of nodes has no ${missing.join(', ')}; run it with --backend netns`);
  } else if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => PACKAGE_OF[program]))].join(' ');
    problems.push(`missing: ${missing.join(', ')}; get it with: apt-get install ${packages}`);
  }
  if (mptcp && readKernelFile(MPTCP) === undefined) {
    problems.push('the kernel has no MPTCP (CONFIG_MPTCP, Linux 5.6 or newer); leave its arm out with --arms');
  }
  const available = readKernelFile(CONGESTION)?.split(/\s+/) ?? [];
  const wanted = workloads.flatMap((workload) =>
    workload.type === 'iperf3' && workload.protocol === 'tcp' ? [workload.congestion] : [],
  );
  for (const congestion of new Set(wanted)) {
    if (congestion === SYSTEM_CONGESTION || available.includes(congestion)) continue;
    problems.push(`the kernel has no TCP ${congestion}; get it with: modprobe tcp_${congestion}`);
  }
  if (problems.length > 0) throw new LabMachineError(problems.join('\n'));
}

/** Containers have their own. */
function hasProgram(program: string, backend: BackendName): boolean {
  if (backend === 'netns') return findProgram(program) !== undefined;
  return imagePackages().includes(PACKAGE_OF[program] ?? program);
}
