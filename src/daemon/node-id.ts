/** The node's name: 8 random bytes, made once. The file holds them as 16 hex digits. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const NODE_ID_BYTES = 8;

/** The node id cannot be read or kept. */
export class NodeIdError extends Error {
  readonly code = 'E_NODE_ID';
  override readonly name = 'NodeIdError';

  constructor(
    readonly file: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`node id ${file}: ${message}`, options);
  }
}

/** The id in the file, which is made when it does not exist. Two daemons that start at once get the same id. Throws NodeIdError. */
export async function loadNodeId(file: string): Promise<Uint8Array> {
  try {
    return (await read(file)) ?? (await create(file));
  } catch (error) {
    if (error instanceof NodeIdError) throw error;
    throw new NodeIdError(file, (error as Error).message, { cause: error });
  }
}

async function read(file: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (!/^[0-9a-f]{16}\n?$/.test(text)) {
    throw new NodeIdError(file, 'is damaged: expected 16 hex digits; delete the file to get a new id');
  }
  return Uint8Array.from(Buffer.from(text.trim(), 'hex'));
}

async function create(file: string): Promise<Uint8Array> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  const id = randomBytes(NODE_ID_BYTES);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${id.toString('hex')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike rename, link leaves an id alone that another process has put there in the meantime.
    await link(draft, file);
    return Uint8Array.from(id);
  } catch (error) {
    const other = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await read(file) : undefined;
    if (other) return other;
    throw error;
  } finally {
    await unlink(draft).catch(() => {});
  }
}
