/** A command of the author's in a node: its exit status, how long it took, and the numbers of the JSON that it prints. */
import { LabCommandError, LabError } from '../../error.js';
import type { WorkloadBase, WorkloadKind } from '../workload.js';
import { metricsIn } from './report.js';

export interface ExecWorkload extends WorkloadBase {
  readonly type: 'exec';
  readonly node: string;
  readonly command: readonly string[];
  /** Whether stdout is a JSON document with metrics. */
  readonly json: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export const exec: WorkloadKind<ExecWorkload> = {
  programs: () => [],
  headline: ['exit_status', 'duration_s'],
  metrics: ({ json }) => (json ? null : ['exit_status', 'duration_s']),
  flow: () => null,
  duration: () => null,
  withDuration: (workload) => workload,
  async run({ name, node, command, json, timeout }, { lab, arm, directory, signal, ready }) {
    await ready();
    const start = performance.now();
    const options = { signal, timeoutMs: Math.round(timeout * 1000), cwd: directory, env: { MPIP_ARM: arm } };
    const { stdout, status } = await lab
      .node(node)
      .exec(command, options)
      .then(
        (result) => ({ stdout: result.stdout, status: 0 }),
        (error: unknown) => {
          // A status is a result; a command that did not end by itself is none.
          if (!(error instanceof LabCommandError) || error.exitCode === undefined || error.signal !== undefined)
            throw error;
          return { stdout: error.stdout, status: error.exitCode };
        },
      );
    const duration_s = (performance.now() - start) / 1000;
    const printed = json ? metricsIn(parse(name, stdout)) : {};
    return { metrics: { ...printed, exit_status: status, duration_s }, series: [] };
  },
};

function parse(name: string, stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    const text = stdout.trim() === '' ? 'nothing' : stdout.trim().slice(0, 200);
    throw new LabError('E_LAB_WORKLOAD', `workload ${name}: its output is no JSON: ${text}`, { cause });
  }
}
