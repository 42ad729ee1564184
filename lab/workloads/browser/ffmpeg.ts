import { execa } from 'execa';
import { findProgram } from '../../doctor/machine.js';
import { LabCommandError, LabMachineError } from '../../error.js';

/** Runs ffmpeg to its end. Throws LabMachineError, LabCommandError; when `signal` aborts, its reason. */
export async function ffmpeg(options: readonly string[], signal: AbortSignal): Promise<void> {
  const path = findProgram('ffmpeg');
  if (path === undefined) throw new LabMachineError('ffmpeg is not installed; run: apt-get install ffmpeg');
  const command = [path, '-hide_banner', '-v', 'error', '-y', ...options];
  const [program = '', ...words] = command;
  const result = await execa(program, words, { reject: false, stdin: 'ignore', cancelSignal: signal });
  signal.throwIfAborted();
  if (result.failed) throw new LabCommandError({ command, exitCode: result.exitCode, stderr: result.stderr });
}
