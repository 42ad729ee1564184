/** The Docker engine of this machine, by its socket. */
import type Dockerode from 'dockerode';
import { LabError, LabMachineError } from '../../error.js';

const DEFAULT_SOCKET = '/var/run/docker.sock';

/** What every remedy comes down to; `doctor` says it too. */
export const ENGINE_REMEDY =
  'apt-get install --no-install-recommends docker.io, then: systemctl start docker' +
  ' (without systemd: dockerd --bridge=none --iptables=false --ip-forward=false &),' +
  ' then: mpip-lab image build';

/** Path of the engine's socket: that of $DOCKER_HOST, or the usual one. Throws LabMachineError for an engine of another machine. */
export function engineSocket(): string {
  const host = process.env.DOCKER_HOST;
  if (!host) return DEFAULT_SOCKET;
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (path !== undefined) return path;
  throw new LabMachineError(
    `DOCKER_HOST is ${host}; labs need the engine of this machine, such as unix://${DEFAULT_SOCKET}, to move links into containers`,
  );
}

/** The client library is loaded when a lab needs it: it takes longer than all else that a command loads. */
export async function connectEngine(socketPath: string, timeoutMs?: number): Promise<Dockerode> {
  const { default: Docker } = await import('dockerode');
  return new Docker({ socketPath, ...(timeoutMs !== undefined && { timeout: timeoutMs }) });
}

/** Does something with the engine. Throws LabMachineError when none answers, LabError (E_LAB_ENGINE) with the engine's own words. */
export async function ask<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw engineError(what, error);
  }
}

function engineError(what: string, error: unknown): Error {
  if (error instanceof LabError) return error;
  const { code, message, json } = error as NodeJS.ErrnoException & { json?: { message?: string } | null };
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EACCES') {
    return new LabMachineError(`no Docker engine answers (${message}); get one with: ${ENGINE_REMEDY}`, {
      cause: error,
    });
  }
  return new LabError('E_LAB_ENGINE', `the Docker engine failed: ${what}: ${json?.message ?? message}`, {
    cause: error,
  });
}

/** Status of the engine's answer; undefined when it gave none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}
