/** Waiting for a server by condition: its socket listens. */
import { LabCommandError } from '../error.js';
import type { LabNode } from '../running/node.js';
import type { LabProcess } from '../running/process.js';
import { waitUntil } from '../running/wait.js';

const PATIENCE_MS = 10_000;

/** Resolves when something in the node listens on the TCP port. Throws LabCommandError when the server ends before, or is too slow. */
export async function listening(node: LabNode, port: number, server: LabProcess, signal?: AbortSignal): Promise<void> {
  let ended = false;
  void server.exited.then(() => {
    ended = true;
  });
  const missing = await waitUntil(
    async () => (ended || (await listens(node, port, signal)) ? null : `did not listen on port ${port}`),
    PATIENCE_MS,
    signal,
  );
  const reason = ended ? `ended before it listened on port ${port}` : missing;
  if (reason === null) return;
  const { command, stdout, stderr } = server;
  throw new LabCommandError({ node: node.name, command, stdout, stderr, reason });
}

async function listens(node: LabNode, port: number, signal?: AbortSignal): Promise<boolean> {
  const options = signal === undefined ? {} : { signal };
  const { stdout } = await node.exec(['ss', '-Hltn', `sport = :${port}`], options);
  return stdout.trim() !== '';
}
