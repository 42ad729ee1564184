/**
 * A Docker engine for tests: the machine's, where one runs, else one of the test's own where dockerd is installed. That has its
 * directories, its socket and no network to itself, and ends with the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Dockerode from 'dockerode';
import { execa } from 'execa';
import { connectEngine, engineSocket } from '../../../lab/backend/docker/engine.js';
import { buildImage, requireImage } from '../../../lab/backend/docker/image.js';
import { findProgram } from '../../../lab/doctor/machine.js';
import { LabMachineError } from '../../../lab/lab.js';

const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** With the image of nodes; DOCKER_HOST names it until it is disposed of. */
export class TestEngine implements AsyncDisposable {
  readonly #host = process.env.DOCKER_HOST;

  private constructor(
    readonly socket: string,
    private readonly own: PrivateEngine | undefined,
  ) {
    process.env.DOCKER_HOST = `unix://${socket}`;
  }

  /** Resolves with the reason when there is none. */
  static async find(): Promise<TestEngine | string> {
    let own: PrivateEngine | undefined;
    try {
      let socket = engineSocket();
      if (!(await answers(socket))) {
        if (findProgram('dockerd') === undefined) return 'no Docker engine runs and dockerd is not installed';
        own = await PrivateEngine.start();
        socket = own.socket;
      }
      const engine = new TestEngine(socket, own);
      try {
        await engine.#image();
        return engine;
      } catch (error) {
        await engine[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      return (error as Error).message;
    }
  }

  connect(): Promise<Dockerode> {
    return connectEngine(this.socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#host === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = this.#host;
    await this.own?.[Symbol.asyncDispose]();
  }

  async #image(): Promise<void> {
    try {
      await requireImage(await this.connect());
    } catch (error) {
      if (!(error instanceof LabMachineError)) throw error;
      await buildImage();
    }
  }
}

class PrivateEngine implements AsyncDisposable {
  private constructor(
    readonly socket: string,
    private readonly directory: string,
    private readonly child: ChildProcess,
    private readonly ended: Promise<void>,
  ) {}

  /** Throws an Error with the end of its log. */
  static async start(): Promise<PrivateEngine> {
    // Unix sockets have short paths, and the engine adds to them.
    const directory = mkdtempSync(join(tmpdir(), 'mpip-e-'));
    const path = (name: string): string => join(directory, name);
    const socket = path('sock');
    // The engine's own default would be the machine's settings.
    writeFileSync(path('daemon.json'), '{}');
    const child = spawn(
      findProgram('dockerd') ?? 'dockerd',
      [
        ...['--config-file', path('daemon.json'), '--host', `unix://${socket}`, '--pidfile', path('pid')],
        ...['--data-root', path('data'), '--exec-root', path('exec'), '--storage-driver', 'overlay2'],
        ...['--bridge=none', '--iptables=false', '--ip-forward=false'],
      ],
      { detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-10_000);
    });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const engine = new PrivateEngine(socket, directory, child, ended);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await answers(socket))) {
      if (child.exitCode === null && performance.now() < deadline) await sleep(POLL_MS);
      else {
        await engine[Symbol.asyncDispose]();
        throw new Error(`dockerd did not start: ${log.trim().split('\n').at(-1)}`);
      }
    }
    return engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGTERM');
    const late = sleep(END_TIMEOUT_MS, 'late', { ref: false });
    if ((await Promise.race([this.ended, late])) === 'late') this.child.kill('SIGKILL');
    await this.ended;
    // It leaves the mark of the machine's own network namespace behind, if nothing else.
    for (const mount of this.#mounts().reverse()) await execa('umount', [mount]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** In the order in which they were made. */
  #mounts(): string[] {
    const targets = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    return targets.filter((target) => target.startsWith(`${this.directory}/`));
  }
}

async function answers(socket: string): Promise<boolean> {
  try {
    await (await connectEngine(socket)).ping();
    return true;
  } catch {
    return false;
  }
}
