import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;
const setns: (fd: number, type: number) => number = koffi.load(null).func('setns', 'int', ['int', 'int']);

let made = 0;

/** A network namespace of this test process. */
export class TestNamespace implements Disposable {
  readonly name = `mpst${process.pid}x${made++}`;

  constructor() {
    execFileSync('ip', ['netns', 'add', this.name]);
    this.ip('link set lo up');
    // Addresses can be used at once: no duplicate address detection, no link-local ones that come later.
    this.sysctl('net/ipv6/conf/default/accept_dad', 0);
    this.sysctl('net/ipv6/conf/default/addr_gen_mode', 1);
  }

  /** `ip ARGUMENTS` in the namespace. */
  ip(line: string): string {
    return execFileSync('ip', ['-n', this.name, ...line.split(' ')], { encoding: 'utf8', stdio: 'pipe' });
  }

  /** Many `ip` commands in one process. */
  ipBatch(lines: readonly string[]): void {
    execFileSync('ip', ['-n', this.name, '-batch', '-'], { input: lines.join('\n'), stdio: 'pipe' });
  }

  /** The parsed output of `ip -j ARGUMENTS`. */
  ipJson<T>(line: string): T {
    return JSON.parse(this.ip(`-j ${line}`) || '[]') as T;
  }

  /** Runs a script of bash in the namespace; its exit status does not matter. */
  bash(script: string): void {
    spawnSync('ip', ['netns', 'exec', this.name, 'bash', '-c', script], { stdio: 'ignore' });
  }

  /** Runs synchronous code with this thread in the namespace: sockets made in it stay there. */
  inside<T>(action: () => T): T {
    const outer = openSync('/proc/thread-self/ns/net', 'r');
    const inner = openSync(`/run/netns/${this.name}`, 'r');
    try {
      if (setns(inner, CLONE_NEWNET) !== 0) throw new Error(`setns ${this.name}`);
      return action();
    } finally {
      if (setns(outer, CLONE_NEWNET) !== 0) process.abort();
      closeSync(inner);
      closeSync(outer);
    }
  }

  /** A number under /proc/sys, written first when given. */
  sysctl(path: string, value?: number | string): number {
    return this.inside(() => {
      if (value !== undefined) writeFileSync(`/proc/sys/${path}`, `${value}\n`);
      return Number.parseInt(readFileSync(`/proc/sys/${path}`, 'utf8'), 10);
    });
  }

  /** A counter of /proc/net/snmp ("Ip", "FragOKs") or /proc/net/netstat ("TcpExt", ...). */
  counter(protocol: string, name: string): number {
    // Not /proc/net: that is the namespace of the thread that leads the process.
    const files = ['snmp', 'netstat'].map((file) => `/proc/thread-self/net/${file}`);
    const lines = this.inside(() => files.map((file) => readFileSync(file, 'utf8')))
      .join('')
      .split('\n');
    const [names, values] = lines.filter((line) => line.startsWith(`${protocol}: `)).map((line) => line.split(' '));
    return Number(values[names.indexOf(name)]);
  }

  /** Starts a script that lies beside this file, in the namespace. */
  start(script: string, ...args: string[]): ChildProcessWithoutNullStreams {
    const path = fileURLToPath(new URL(script, import.meta.url));
    return spawn('ip', ['netns', 'exec', this.name, process.execPath, '--import', 'tsx', path, ...args]);
  }

  [Symbol.dispose](): void {
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

const LINK_UP_MS = 5000;

/** A veth pair between two namespaces: `name` in each, 10.66.0.1 and fd66::1 in `a`, .2 and ::2 in `b`; ready for use. */
export function connect(a: TestNamespace, b: TestNamespace, name: string): void {
  const ends = [
    [a, 1],
    [b, 2],
  ] as const;
  a.ip(`link add ${name} type veth peer name ${name} netns ${b.name}`);
  for (const [namespace, host] of ends) {
    namespace.ip(`addr add 10.66.0.${host}/24 dev ${name}`);
    namespace.ip(`addr add fd66::${host}/64 dev ${name} nodad`);
    namespace.ip(`link set ${name} up`);
  }
  // The kernel hears of the carrier a little later, and only then makes the routes of IPv6.
  const deadline = Date.now() + LINK_UP_MS;
  const ready = () =>
    ends.every(([namespace, host]) => namespace.ip('-6 route show table local').includes(`local fd66::${host} `));
  while (!ready()) if (Date.now() > deadline) throw new Error(`${name} did not come up`);
}
