/** `node server.js PORT FOLDER LADDER`: the origin of an adaptive video, which serves a short loop as a long video (agent-program.ts). */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { finish, serve } from '../agent-program.js';
import { movedSegment, trackOf } from './boxes.js';
import { initFile, type Ladder, segmentFile, segmentsOf } from './ladder.js';
import { askedBy, manifestOf } from './manifest.js';

const [port = '', folder = '', text = ''] = process.argv.slice(2);
const ladder = JSON.parse(text) as Ladder;
const loop = segmentsOf(ladder);

const inits = await Promise.all(ladder.levels.map((_, level) => readFile(join(folder, initFile(level)))));
const tracks = inits.map(trackOf);
const manifest = manifestOf(ladder, tracks);

const server = createServer((request, response) => {
  answer(request.url ?? '', response).catch((error: unknown) => response.destroy(error as Error));
});
server.listen(Number(port));
await once(server, 'listening');
await serve();
finish({});

async function answer(path: string, response: ServerResponse): Promise<void> {
  if (path === '/manifest.mpd') return send(response, 'application/dash+xml', manifest);
  const asked = askedBy(path, ladder);
  if (asked === null) {
    response.writeHead(404).end();
    return;
  }
  const { level, segment } = asked;
  send(response, 'video/mp4', segment === 'init' ? inits[level]! : await segmentOf(level, segment));
}

async function segmentOf(level: number, number: number): Promise<Buffer> {
  const rounds = Math.floor((number - 1) / loop);
  const made = await readFile(join(folder, segmentFile(level, number - rounds * loop)));
  const ticks = Math.round(rounds * loop * ladder.segment * tracks[level]!.timescale);
  return movedSegment(made, number, BigInt(ticks));
}

function send(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    // All of it is to come over the network, each time.
    'cache-control': 'no-store',
  });
  response.end(body);
}
