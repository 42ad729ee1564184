/** A TCP stream between two nodes of a lab, as both of its ends see it. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Lab, LabProcess } from '../../../lab/lab.js';
import { waitUntil } from '../../../lab/running/wait.js';

const PROGRAM = fileURLToPath(new URL('programs/tcp-stream.ts', import.meta.url));
/** Where one end listens. */
export const STREAM_PORT = 5000;
/** A stream that brings nothing for so long has failed, whatever the test asks of it. */
const PATIENCE_MS = 30_000;

export interface StreamOptions {
  /** Node that the bytes come from. */
  readonly from: string;
  readonly to: string;
  /** Of the node that listens; the other one connects. */
  readonly address: string;
  /** Which end listens. Default: the receiver. */
  readonly listener?: 'sender' | 'receiver';
  /** Default: until `finish`. */
  readonly bytes?: number;
}

/** What one end says at last. */
interface End {
  readonly bytes: number;
  readonly sha256: string;
  readonly longestGapMs?: number;
}

interface Progress {
  bytes: number;
  end?: End;
}

export class Stream implements AsyncDisposable {
  private constructor(
    private readonly sender: LabProcess,
    private readonly receiver: LabProcess,
    private readonly sent: Progress,
    private readonly got: Progress,
  ) {}

  static async start(lab: Lab, { from, to, address, listener = 'receiver', bytes }: StreamOptions): Promise<Stream> {
    const sent: Progress = { bytes: 0 };
    const got: Progress = { bytes: 0 };
    const start = (node: string, progress: Progress, place: string[], task: string[], listens: boolean) =>
      lab.node(node).spawn([process.execPath, '--import', 'tsx', PROGRAM, ...place, ...task], {
        onLine: (line, stream) => stream === 'stdout' && follow(progress, line),
        ...(listens && { readyWhen: /^listening$/ }),
      });
    const send = (place: string[], listens: boolean) =>
      start(from, sent, place, ['send', bytes === undefined ? 'on' : String(bytes)], listens);
    const receive = (place: string[], listens: boolean) => start(to, got, place, ['receive'], listens);
    const listen = ['listen', String(STREAM_PORT)];
    const connect = ['connect', address, String(STREAM_PORT)];
    if (listener === 'receiver') {
      const receiver = await receive(listen, true);
      return new Stream(await send(connect, false), receiver, sent, got);
    }
    const sender = await send(listen, true);
    return new Stream(sender, await receive(connect, false), sent, got);
  }

  /** Bytes that have arrived. */
  get received(): number {
    return this.got.bytes;
  }

  /** Resolves when so many more bytes have arrived. */
  async flows(more: number): Promise<void> {
    const goal = this.received + more;
    await this.until(() => this.received >= goal, `${more} more bytes`);
  }

  /** From now on what is sent carries IPv6 destination options. */
  addDestinationOptions(): void {
    this.sender.kill('SIGHUP');
  }

  /** Waits for the end, both ends' view of which must be the same, and returns the receiver's. */
  async finish(): Promise<{ bytes: number; sha256: string; longestGapMs: number }> {
    this.sender.kill('SIGUSR2');
    return this.finished();
  }

  /** The same for a stream of so many bytes. */
  async finished(): Promise<{ bytes: number; sha256: string; longestGapMs: number }> {
    await this.until(() => this.sent.end !== undefined && this.got.end !== undefined, 'the end');
    const { longestGapMs = Number.NaN, ...received } = this.got.end!;
    expect(received).to.deep.equal({ bytes: this.sent.end!.bytes, sha256: this.sent.end!.sha256 });
    return { ...received, longestGapMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.sender.stop(), this.receiver.stop()]);
  }

  /** Gives up on a stream that stands still. */
  private async until(condition: () => boolean, what: string): Promise<void> {
    let last = this.received;
    let since = performance.now();
    await waitUntil(async () => {
      if (condition()) return null;
      if (this.received > last) {
        last = this.received;
        since = performance.now();
      }
      for (const process of [this.sender, this.receiver]) {
        const exit = await Promise.race([process.exited, Promise.resolve(undefined)]);
        if (exit !== undefined && exit.exitCode !== 0) throw this.failure(`${process.node} ended before ${what}`);
      }
      if (performance.now() - since > PATIENCE_MS) throw this.failure(`it stood still before ${what}`);
      return what;
    }, Number.POSITIVE_INFINITY);
  }

  private failure(what: string): Error {
    const { sender, receiver } = this;
    const said = [sender, receiver].map(({ node, stderr }) => stderr && `\n${node}: ${stderr}`).join('');
    return new Error(`the stream failed: ${what} (${this.sent.bytes} sent, ${this.got.bytes} received)${said}`);
  }
}

function follow(progress: Progress, line: string): void {
  if (!line.startsWith('{')) return;
  const report = JSON.parse(line) as { bytes: number; sha256?: string; longestGapMs?: number };
  progress.bytes = report.bytes;
  if (report.sha256 !== undefined) progress.end = { ...report, sha256: report.sha256 };
}
