/** Commands inside a container, through the engine, with the container's own privileges, limits and files. */
import { createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type Dockerode from 'dockerode';
import { LabCommandError } from '../../error.js';
import type { NodeCommand, NodeProcess, ProcessExit } from '../node-process.js';

const POLL_MS = 2;
/** What the engine says of a program that it cannot find (127) or start (126), as shells do. */
const NOT_STARTED = new Set([126, 127]);
/** As shells do: 128 and the number of the signal. */
const SIGNAL_BASE = 128;

/** `files` is the directory that container and machine see at the same place. Throws LabCommandError. */
export async function launchInContainer(
  engine: Dockerode,
  name: string,
  node: string,
  files: string,
  options: NodeCommand,
): Promise<NodeProcess> {
  const { command, input } = options;
  const inside = redirections(options, files);
  const exec = await engine.getContainer(name).exec({
    ...execOptions(options),
    Cmd: inside === undefined ? [...command] : ['sh', '-c', `exec "$@" ${inside}`, 'sh', ...command],
    AttachStdin: input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: input !== undefined });
  if (input !== undefined) stream.end(input);
  const started = new Output(stream, engine, inside === undefined ? options : {});
  if (options.outlives) (stream as Duplex & { unref?(): void }).unref?.();
  const exited = started.ended.then(() => exitOf(exec));
  for (;;) {
    const { Running, Pid, ExitCode } = await exec.inspect();
    if (Pid > 0) return { pid: Pid, stdout: started.stdout, stderr: started.stderr, exited };
    if (!Running && ExitCode !== null) {
      const said = (await Promise.all([started.stdout, started.stderr].map((own) => own && text(own)))).join('');
      const reason = NOT_STARTED.has(ExitCode) ? 'could not be started' : undefined;
      throw new LabCommandError({ node, command, exitCode: ExitCode, stderr: said, reason });
    }
    await sleep(POLL_MS);
  }
}

/** Resolves with the exit status. */
export async function attachToContainer(engine: Dockerode, name: string, options: NodeCommand): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  const exec = await engine.getContainer(name).exec({
    ...execOptions(options),
    Cmd: [...options.command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: terminal,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: terminal });
  const resize = (): void => void exec.resize({ h: stdout.rows, w: stdout.columns }).catch(() => {});
  const forward = (signal: NodeJS.Signals): void =>
    void exec.inspect().then(({ Running, Pid }) => Running && Pid > 0 && process.kill(Pid, signal));
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    resize();
    stream.pipe(stdout, { end: false });
  } else {
    process.on('SIGINT', forward).on('SIGTERM', forward);
    engine.modem.demuxStream(stream, stdout, stderr);
  }
  stdin.pipe(stream);
  try {
    await finished(stream, { writable: false });
    const { ExitCode } = await ended(exec);
    return ExitCode;
  } finally {
    if (terminal) stdin.setRawMode(false);
    stdout.off('resize', resize);
    process.off('SIGINT', forward).off('SIGTERM', forward);
    stdin.unpipe(stream);
    stdin.destroy();
  }
}

function execOptions({ env, cwd }: NodeCommand): Dockerode.ExecCreateOptions {
  return {
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ...(cwd !== undefined && { WorkingDir: cwd }),
  };
}

/** The shell's words for output to files that the container sees too; undefined when there are none. */
function redirections({ stdout, stderr }: NodeCommand, files: string): string | undefined {
  const seen = [stdout, stderr].filter((file) => file !== undefined);
  if (seen.length === 0 || seen.some((file) => dirname(file) !== files)) return undefined;
  const word = (file: string | undefined, sign: string): string[] =>
    file === undefined ? [] : [`${sign}'${file.replaceAll("'", `'\\''`)}'`];
  return [...word(stdout, '>>'), ...word(stderr, '2>>')].join(' ');
}

/** The two streams that the engine sends as one. */
class Output {
  readonly stdout: PassThrough | null;
  readonly stderr: PassThrough | null;
  /** When all is read by somebody or in its file. */
  readonly ended: Promise<unknown>;

  constructor(stream: Duplex, engine: Dockerode, { stdout, stderr }: Partial<NodeCommand>) {
    const sinks = [stdout, stderr].map((file) =>
      file === undefined ? new PassThrough() : createWriteStream(file, { flags: 'a' }),
    );
    const [first, second] = sinks as [PassThrough, PassThrough];
    engine.modem.demuxStream(stream, first, second);
    this.stdout = stdout === undefined ? first : null;
    this.stderr = stderr === undefined ? second : null;
    this.ended = finished(stream, { writable: false })
      .catch(() => {})
      .then(() => {
        for (const sink of sinks) sink.end();
        return Promise.all(sinks.map((sink) => finished(sink)));
      });
  }
}

async function exitOf(exec: Dockerode.Exec): Promise<ProcessExit> {
  try {
    const { ExitCode } = await ended(exec);
    const signal = Object.entries(constants.signals).find(([, number]) => number === ExitCode - SIGNAL_BASE)?.[0];
    return signal === undefined ? { exitCode: ExitCode, signal } : { exitCode: undefined, signal };
  } catch {
    // The container is gone, and the process with it.
    return { exitCode: undefined, signal: 'SIGKILL' };
  }
}

/** The engine closes the stream before it knows the exit status. */
async function ended(exec: Dockerode.Exec): Promise<{ ExitCode: number }> {
  for (;;) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return { ExitCode };
    await sleep(POLL_MS);
  }
}
