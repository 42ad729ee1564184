/**
 * A virtual machine with Debian's kernel, this machine's files (read-only, with what the guest writes in its memory) and one command, run
 * as root. Nothing of it outlasts `[Symbol.asyncDispose]`, nor this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setPriority, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { moduleFiles, SHARING_PROGRAMS, unpackedGuest } from '../../../scripts/setup/guest.mjs';
import { archive, characterDevice, folder, program } from './cpio.js';

export interface VirtualMachineOptions {
  /** For a shell in the guest. Descriptor 3 is a line to `onRecord`. */
  readonly command: string;
  /** Kernel modules that are there before the command runs; others come when the kernel asks for them. */
  readonly modules: readonly string[];
  /** One JSON document a line. */
  readonly onRecord: (record: unknown) => void;
  /** What the guest writes to its console. */
  readonly onConsole: (text: string) => void;
  /** Longest time until the command is running, ms. */
  readonly bootLimitMs: number;
}

const MEMORY_MIB = 1536;
/** One: two are no faster where the host has two, and delays are less even with them. */
const CPUS = 1;
/** What it takes to reach the host's files. */
const BOOT_MODULES = ['virtio_pci', 'virtiofs', 'overlay'];
/** No model of later processors: their extra instructions and page levels cost more than they gain where they are emulated. */
const PROCESSOR = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt';
/** The processor's counter is right in an emulator, all other clocks cost a visit to it. */
const KERNEL_WORDS = 'console=ttyS0 quiet panic=-1 clocksource=tsc tsc=reliable mitigations=off';
/** The kernel ends it when this process has died, however that was. */
const ENDS_WITH_US = ['--pdeathsig', 'KILL', '--'];
const PRIORITY = -10;
const END_PATIENCE_MS = 5000;
const READ_PATIENCE_MS = 1000;
const POLL_MS = 20;
const CONSOLE_KEPT = 4000;

export class VirtualMachine implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mpip-vm-'));
  readonly #children: ChildProcess[] = [];
  #records: Server | undefined;
  #console = '';
  #running = false;
  #status: number | undefined;
  #resolveEnd: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#resolveEnd = resolve;
  });

  #resolveRead: () => void = () => {};
  readonly #read = new Promise<void>((resolve) => {
    this.#resolveRead = resolve;
  });

  private constructor(private readonly options: VirtualMachineOptions) {}

  /** Resolves when the command runs. Throws an Error with the end of the console. */
  static async boot(options: VirtualMachineOptions): Promise<VirtualMachine> {
    const machine = new VirtualMachine(options);
    try {
      await machine.#boot();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves with the exit status of the command. Rejects when the machine ends without telling one. */
  async ended(): Promise<number> {
    await this.#ended;
    // The last record may still be on its way.
    await Promise.race([this.#read, sleep(READ_PATIENCE_MS, undefined, { ref: false })]);
    if (this.#status === undefined) throw this.#failure('ended before its command did');
    return this.#status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(end));
    this.#records?.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #boot(): Promise<void> {
    const guest = unpackedGuest();
    const path = (name: string): string => join(this.#directory, name);
    const command = [
      'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb',
      'exec 3>/dev/ttyS1',
      `echo '{"type":"boot"}' >&3`,
      this.options.command,
    ];
    writeFileSync(path('command.sh'), `${command.join('\n')}\n`);
    writeFileSync(path('initramfs'), this.#initramfs(path('command.sh')));
    await this.#listen(path('records'));
    const sharing = SHARING_PROGRAMS.find((own) => existsSync(own)) ?? 'virtiofsd';
    this.#start(sharing, [
      ...(sharing.startsWith('/usr/lib/qemu') ? ['-o', 'source=/,sandbox=chroot,cache=always'] : NEW_SHARING),
      `--socket-path=${path('files')}`,
    ]);
    const deadline = performance.now() + this.options.bootLimitMs;
    await this.#until(() => existsSync(path('files')), deadline, 'virtiofsd does not listen');
    this.#start('qemu-system-x86_64', [
      ...['-accel', process.env.MPIP_VM_ACCEL || 'tcg', '-cpu', PROCESSOR, '-smp', String(CPUS)],
      ...['-m', String(MEMORY_MIB), '-object', `memory-backend-memfd,id=memory,size=${MEMORY_MIB}M,share=on`],
      ...['-numa', 'node,memdev=memory', '-nodefaults', '-display', 'none', '-no-reboot', '-no-user-config'],
      ...['-chardev', `socket,id=files,path=${path('files')}`, '-device', 'vhost-user-fs-pci,chardev=files,tag=host'],
      ...['-serial', 'stdio', '-serial', `unix:${path('records')}`],
      ...['-kernel', guest.kernel, '-initrd', path('initramfs'), '-append', KERNEL_WORDS],
    ]);
    await this.#until(() => this.#running, deadline, `has not booted within ${this.options.bootLimitMs / 1000} s`);
  }

  #initramfs(command: string): Buffer {
    const { busybox, modules } = unpackedGuest();
    const files = moduleFiles(modules, BOOT_MODULES);
    const list = (name: string, words: readonly string[]) => program(`modules/${name}`, Buffer.from(words.join('\n')));
    return archive([
      ...['bin', 'dev', 'proc', 'sys', 'host', 'memory', 'root', 'modules'].map(folder),
      characterDevice('dev/console', 5, 1),
      program('init', readFileSync(fileURLToPath(new URL('init.sh', import.meta.url)))),
      program('bin/busybox', readFileSync(busybox)),
      ...files.map((file) => program(`modules/${basename(file)}`, readFileSync(file))),
      list(
        'order',
        files.map((file) => basename(file)),
      ),
      list('wanted', this.options.modules),
      list('folder', [modules]),
      list('command', [command]),
    ]);
  }

  #listen(path: string): Promise<void> {
    const server = createServer((connection) => {
      connection.on('error', () => {});
      const lines = createInterface({ input: connection }).on('line', (line) => this.#record(line.trim()));
      lines.once('close', this.#resolveRead);
    });
    this.#records = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  }

  #record(line: string): void {
    if (!line.startsWith('{')) return;
    const record = JSON.parse(line) as { readonly type?: string; readonly status?: number };
    if (record.type === 'boot') this.#running = true;
    else if (record.type === 'exit') this.#status = record.status;
    else this.options.onRecord(record);
  }

  #start(command: string, args: readonly string[]): void {
    const child = spawn('setpriv', [...ENDS_WITH_US, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (text: string): void => {
      this.#console = (this.#console + text).slice(-CONSOLE_KEPT);
      if (command.includes('qemu-system')) this.options.onConsole(text);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('error', (error) => {
      hear(`${error.message}\n`);
      this.#resolveEnd();
    });
    child.once('close', () => this.#resolveEnd());
    if (child.pid !== undefined) prefer(child.pid);
    this.#children.push(child);
  }

  async #until(holds: () => boolean, deadline: number, complaint: string): Promise<void> {
    while (!holds()) {
      if (this.#children.some((child) => child.exitCode !== null || child.pid === undefined)) {
        throw this.#failure('ended while it was starting');
      }
      if (performance.now() > deadline) throw this.#failure(complaint);
      await sleep(POLL_MS);
    }
  }

  #failure(what: string): Error {
    return new Error(`the virtual machine ${what}; its console:\n${this.#console.trim()}`);
  }
}

/** Of the virtiofsd that is a package of its own. */
const NEW_SHARING = ['--shared-dir=/', '--sandbox=chroot', '--cache=always'];

/** What the guest measures is time, and an emulated processor has none to spare. Without the right to it, it runs like the rest. */
function prefer(pid: number): void {
  try {
    setPriority(pid, PRIORITY);
  } catch {
    // Not root.
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = sleep(END_PATIENCE_MS, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  await ended;
}
