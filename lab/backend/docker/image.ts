/** The image that nodes are made of: `images/node`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { LabError, LabMachineError } from '../../error.js';
import { packageRoot } from '../../package-root.js';
import { bootstrapBase } from './bootstrap.js';
import { ask, connectEngine, engineSocket, statusOf } from './engine.js';

const REPOSITORY = 'mpip-lab-node';
const BASE_REPOSITORY = 'mpip-lab-base';
const TAG_DIGITS = 12;
/** A registry that cannot be reached may take minutes to say so. */
const PULL_TIMEOUT_MS = 120_000;

function imageDirectory(): string {
  return join(packageRoot(), 'images', 'node');
}

function dockerfile(): string {
  return readFileSync(join(imageDirectory(), 'Dockerfile'), 'utf8');
}

/** Name of the image; another one after each change of its Dockerfile. */
export function nodeImage(): string {
  return `${REPOSITORY}:${createHash('sha256').update(dockerfile()).digest('hex').slice(0, TAG_DIGITS)}`;
}

/** Debian packages that the image has. */
export function imagePackages(): string[] {
  const [, packages = ''] = /^ARG PACKAGES="([^"]*)"$/m.exec(dockerfile()) ?? [];
  return packages.split(' ');
}

/** Throws LabMachineError when the image has not been built. */
export async function requireImage(engine: Dockerode): Promise<void> {
  const image = nodeImage();
  if (await hasImage(engine, image)) return;
  throw new LabMachineError(`the image of nodes, ${image}, has not been built; run: mpip-lab image build`);
}

export interface BuildOptions {
  /** Image that it builds on. Default: the Dockerfile's, or where no registry has that, one that debootstrap makes. */
  readonly base?: string | undefined;
  /** Make the base with debootstrap whether a registry has one or not. */
  readonly bootstrap?: boolean | undefined;
  readonly onLine?: (line: string) => void;
}

/** Builds the image; resolves with its name. Throws LabMachineError, LabError (E_LAB_IMAGE). */
export async function buildImage({ base, bootstrap, onLine = () => {} }: BuildOptions = {}): Promise<string> {
  const engine = await connectEngine(engineSocket());
  await ask('info', () => engine.info());
  const image = nodeImage();
  const from = base ?? (bootstrap ? await importBase(engine, onLine) : await findBase(engine, onLine));
  onLine(`building ${image} from ${from}`);
  const stream = await ask('build', () =>
    engine.buildImage(
      { context: imageDirectory(), src: ['Dockerfile'] },
      // An engine that was started without a bridge has no other network for what the build installs.
      { t: image, buildargs: { BASE: from }, networkmode: 'host', forcerm: true },
    ),
  );
  await followed(engine, stream, `build of ${image}`, onLine);
  return image;
}

/** The Dockerfile's base from the engine, else from a registry, else made here. */
async function findBase(engine: Dockerode, onLine: (line: string) => void): Promise<string> {
  const [, standard = ''] = /^ARG BASE=(\S+)$/m.exec(dockerfile()) ?? [];
  if (await hasImage(engine, standard)) return standard;
  onLine(`pulling ${standard}`);
  let refusal: Error;
  try {
    const abortSignal = AbortSignal.timeout(PULL_TIMEOUT_MS);
    await followed(engine, await engine.pull(standard, { abortSignal }), `pull of ${standard}`, () => {});
    return standard;
  } catch (error) {
    refusal = error as Error;
  }
  onLine(`${refusal.message}; making a base with debootstrap in its place`);
  try {
    return await importBase(engine, onLine);
  } catch (error) {
    const message = `no base for the image of nodes: ${refusal.message}; and without a registry: ${(error as Error).message}`;
    throw new LabMachineError(message, { cause: error });
  }
}

/** Throws LabMachineError, LabCommandError. */
async function importBase(engine: Dockerode, onLine: (line: string) => void): Promise<string> {
  const { archive, suite } = await bootstrapBase(imagePackages(), onLine);
  const image = `${BASE_REPOSITORY}:${suite}`;
  onLine(`importing ${image}`);
  const stream = await ask('import', () => engine.importImage(archive, { repo: BASE_REPOSITORY, tag: suite }));
  await followed(engine, stream as Readable, `import of ${image}`, () => {});
  return image;
}

async function hasImage(engine: Dockerode, image: string): Promise<boolean> {
  try {
    await engine.getImage(image).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    return ask(`inspection of ${image}`, () => Promise.reject(error));
  }
}

/** The engine tells of failures in the stream only. Throws LabError (E_LAB_IMAGE) with the end of what it said. */
function followed(
  engine: Dockerode,
  stream: NodeJS.ReadableStream,
  what: string,
  onLine: (line: string) => void,
): Promise<void> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new LabError('E_LAB_IMAGE', [`${what} failed: ${reason}`, ...said.slice(-SAID_LINES)].join('\n')));
    engine.modem.followProgress(
      stream,
      (error) => (error ? fail(error.message) : resolve()),
      ({ stream: text, error }: { stream?: string; error?: string }) => {
        if (error !== undefined) fail(error);
        for (const line of (text ?? '').split('\n').filter((own) => own.trim() !== '')) {
          said.push(line);
          onLine(line);
        }
      },
    );
  });
}

const SAID_LINES = 12;
