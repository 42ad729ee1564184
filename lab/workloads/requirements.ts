/** What workloads need of the machine, checked before a lab is brought up for them. */
import { findProgram, readKernelFile } from '../doctor/machine.js';
import { requireMachine } from '../doctor/require.js';
import { LabMachineError } from '../error.js';
import { kindOf, type Workload } from './kinds.js';

export interface Needs {
  readonly workloads: readonly Workload[];
  readonly mptcp: boolean;
}

/** Debian packages of the programs. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  ffmpeg: 'ffmpeg',
  iperf3: 'iperf3',
  mptcpize: 'mptcpize',
  ping: 'iputils-ping',
  ss: 'iproute2',
};
const CONGESTION = '/proc/sys/net/ipv4/tcp_available_congestion_control';
const MPTCP = '/proc/sys/net/mptcp/enabled';

/** Throws LabMachineError that names everything that is missing and how to get it. */
export function requireFor({ workloads, mptcp }: Needs): void {
  requireMachine();
  const programs = new Set([
    ...workloads.flatMap((workload) => kindOf(workload).programs(workload)),
    ...(mptcp ? ['mptcpize'] : []),
  ]);
  const missing = [...programs].filter((program) => findProgram(program) === undefined);
  const problems: string[] = [];
  if (missing.length > 0) {
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
    if (available.includes(congestion)) continue;
    problems.push(`the kernel has no TCP ${congestion}; get it with: modprobe tcp_${congestion}`);
  }
  if (problems.length > 0) throw new LabMachineError(problems.join('\n'));
}
