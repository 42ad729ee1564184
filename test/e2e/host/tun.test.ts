import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { parseAddress } from '../../../src/core/address.js';
import { GatherBatch } from '../../../src/core/batch.js';
import { set16 } from '../../../src/core/memory.js';
import { fold, pseudoHeaderSum } from '../../../src/core/wire/checksum.js';
import * as ipv4 from '../../../src/core/wire/ipv4.js';
import * as udp from '../../../src/core/wire/udp.js';
import * as vnet from '../../../src/core/wire/vnet.js';
import { Arena } from '../../../src/host/arena.js';
import { IoCounters } from '../../../src/host/io-counters.js';
import { SystemError } from '../../../src/host/syscall/system-error.js';
import { Tun } from '../../../src/host/tun.js';
import { TestNamespace } from '../steering/namespace.js';
import { needsRoot } from '../steering/needs-root.js';
import { Wire } from './wire-fixture.js';

const PACKET_BYTES = 65_547;

/** A TUN device in a namespace, up, with an address. */
class Device implements Disposable {
  readonly counters = new IoCounters();
  readonly batch = new GatherBatch(64, 4096);
  readonly tun: Tun;
  readonly buffer: number;

  constructor(
    readonly namespace: TestNamespace,
    readonly arena: Arena,
    address: string,
  ) {
    this.tun = namespace.inside(() => Tun.open('mpip0', arena, this.counters));
    this.buffer = arena.memory.allocate(PACKET_BYTES);
    namespace.ip(`addr add ${address} dev mpip0`);
    namespace.ip('link set mpip0 up');
  }

  read(): number {
    return this.tun.read(this.buffer, PACKET_BYTES);
  }

  [Symbol.dispose](): void {
    this.tun[Symbol.dispose]();
  }
}

describe('TUN device', function () {
  needsRoot(this);
  let arena: Arena;
  let namespace: TestNamespace;

  beforeEach(() => {
    arena = Arena.allocate(4 * 1024 * 1024);
    namespace = new TestNamespace();
  });

  afterEach(() => {
    namespace[Symbol.dispose]();
    arena[Symbol.dispose]();
  });

  it('has the offloads of this kernel, and a name that the kernel may choose', () => {
    using tun = namespace.inside(() => Tun.open('mp%d', arena, new IoCounters()));
    expect(tun.name).to.equal('mp0');
    expect(tun.offloads.tso).to.equal(true);
    expect(namespace.ip('-d link show mp0')).to.include('tun type tun pi off vnet_hdr on');
  });

  it('vanishes when it is closed', () => {
    const tun = namespace.inside(() => Tun.open('mpip0', arena, new IoCounters()));
    tun[Symbol.dispose]();
    tun[Symbol.dispose]();
    expect(() => namespace.ip('link show mpip0')).to.throw();
  });

  it('cannot be opened twice', () => {
    const open = () => namespace.inside(() => Tun.open('mpip0', arena, new IoCounters()));
    using _tun = open();
    expect(open).to.throw(SystemError, 'TUNSETIFF mpip0').that.includes({ errnoName: 'EBUSY' });
  });

  it('says -1 when no packet waits, and throws when it was deleted', () => {
    using device = new Device(namespace, arena, '10.0.0.1/24');
    expect(device.read()).to.equal(-1);
    namespace.ip('link del mpip0');
    expect(() => device.read()).to.throw(SystemError, 'read mpip0');
  });

  it('hands a UDP train over in one piece', function () {
    using device = new Device(namespace, arena, '10.0.0.1/24');
    if (!device.tun.offloads.uso) this.skip();
    using wire = new Wire(namespace);
    const local = { id: 1, address: '10.0.0.1', interface: 'mpip0', interfaceIndex: 2, mtu: 1500 };
    const route = wire.sender.openRoute(wire.openAt(local, 7000), { address: '10.0.0.2', port: 7001 });
    const sent = wire.message(route, 1000, [4500]);
    wire.send();
    const { bytes: b } = arena.memory;
    const at = device.buffer;
    expect(device.read()).to.equal(12 + 28 + 4500);
    expect(vnet.gsoType(b, at)).to.equal(vnet.GSO_UDP_L4);
    expect(vnet.gsoBytes(b, at)).to.equal(1000);
    expect(vnet.flags(b, at) & vnet.NEEDS_CSUM).to.equal(vnet.NEEDS_CSUM);
    expect(Buffer.from(b.slice(at + 40, at + 4540)).equals(sent)).to.equal(true);
    expect(device.counters).to.include({ tunReadPackets: 1, tunReadBytes: 4540 });
    expect(device.read()).to.equal(-1);
  });

  it('takes a UDP train gathered from pieces, and the socket gets its datagrams', function () {
    using device = new Device(namespace, arena, '10.0.0.1/24');
    if (!device.tun.offloads.uso) this.skip();
    using wire = new Wire(namespace);
    wire.openAt({ id: 1, address: '10.0.0.1', interface: 'mpip0', interfaceIndex: 2, mtu: 1500 }, 7001);
    const payload = Buffer.from(Array.from({ length: 2500 }, (_, i) => i * 7));
    addUdpTrain(device, payload, 1000);
    device.tun.write(device.batch);
    expect(device.batch.messages).to.equal(0);
    expect(device.counters).to.include({ tunWriteErrors: 0, tunWrittenPackets: 1 });
    const got = () => Buffer.concat(wire.received.map(({ bytes }) => bytes));
    wire.serveUntil(() => got().length === payload.length);
    expect(got().equals(payload)).to.equal(true);
    expect(wire.received[0].segmentBytes || wire.received[0].bytes.length).to.equal(1000);
    expect(wire.received[0].from).to.deep.equal({ address: '10.0.0.2', port: 7000 });
  });

  it('drops and counts what the kernel does not take', () => {
    using device = new Device(namespace, arena, '10.0.0.1/24');
    const at = arena.memory.allocate(64);
    for (const bytes of [3, 60]) {
      device.batch.begin(0, 0);
      device.batch.piece(at, bytes);
      device.batch.end();
    }
    device.tun.write(device.batch);
    expect(device.counters).to.include({ tunWriteErrors: 2, tunWrittenPackets: 0 });
  });

  it('carries a TCP connection in super-packets between two namespaces, byte for byte', async () => {
    using other = new TestNamespace();
    using a = new Device(namespace, arena, '10.0.0.1/24');
    using b = new Device(other, arena, '10.0.0.2/24');
    const sink = new Lines(other.start('../host/tcp-sink.ts'));
    const relay = new Relay(a, b);
    try {
      expect(await sink.next()).to.equal('ready');
      const bytes = 20_000_000;
      const source = new Lines(namespace.start('../host/tcp-source.ts', '10.0.0.2', String(bytes)));
      const sha256 = await source.next();
      expect(JSON.parse(await sink.next())).to.deep.equal({ bytes, sha256 });
      expect(relay.longest).to.be.greaterThan(30_000);
      await Promise.all([sink.exited, source.exited]);
    } finally {
      await relay.stop();
    }
  });
});

/** A child process by the lines that it prints. */
class Lines {
  readonly exited: Promise<unknown>;
  private readonly lines: AsyncIterator<string>;

  constructor(child: ChildProcessWithoutNullStreams) {
    child.stderr.pipe(process.stderr);
    this.exited = once(child, 'exit');
    this.lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  async next(): Promise<string> {
    const { done, value } = await this.lines.next();
    if (done) throw new Error('the process has ended');
    return value;
  }
}

/** Copies packets both ways. */
class Relay {
  /** The longest packet seen, bytes. */
  longest = 0;
  private running = true;
  private readonly ended: Promise<void>;

  constructor(
    private readonly a: Device,
    private readonly b: Device,
  ) {
    this.ended = this.run();
  }

  private async run(): Promise<void> {
    while (this.running) {
      for (const [from, to] of [
        [this.a, this.b],
        [this.b, this.a],
      ]) {
        for (let bytes = from.read(); bytes > 0; bytes = from.read()) {
          this.longest = Math.max(this.longest, bytes);
          to.batch.begin(0, 0);
          to.batch.piece(from.buffer, bytes);
          to.batch.end();
          to.tun.write(to.batch);
        }
      }
      await turn();
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.ended;
  }
}

/** From 10.0.0.2:7000 to 10.0.0.1:7001, one piece for the headers, two for the payload. */
function addUdpTrain({ arena, batch }: Device, payload: Buffer, segmentBytes: number): void {
  const { bytes: b } = arena.memory;
  const at = arena.memory.allocate(4096);
  const ip = at + vnet.VNET_BYTES;
  const transport = ip + ipv4.HEADER_BYTES;
  const udpBytes = udp.HEADER_BYTES + payload.length;
  const { NEEDS_CSUM, GSO_UDP_L4 } = vnet;
  vnet.writeVnet(b, at, NEEDS_CSUM, GSO_UDP_L4, 28, segmentBytes, ipv4.HEADER_BYTES, udp.field.checksum);
  const [source, destination] = ['10.0.0.2', '10.0.0.1'].map(parseAddress);
  ipv4.writeIpv4(b, ip, ipv4.HEADER_BYTES + udpBytes, 0, 1, 0, 64, udp.PROTOCOL_UDP, source, destination);
  udp.writeUdp(b, transport, 7000, 7001, udpBytes);
  set16(b, transport + udp.field.checksum, fold(pseudoHeaderSum(b, ip, 4, udp.PROTOCOL_UDP, udpBytes)));
  const data = transport + udp.HEADER_BYTES;
  b.set(payload, data);
  batch.begin(0, 0);
  batch.piece(at, data - at);
  batch.piece(data, 700);
  batch.piece(data + 700, payload.length - 700);
  batch.end();
}
