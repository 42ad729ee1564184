import { expect } from 'chai';
import { TestNamespace } from '../steering/namespace.js';
import { needsRoot } from '../steering/needs-root.js';
import { Wire } from './wire-fixture.js';

const PORT = 6747;
const SEGMENT = 1400;

/** The datagrams that a message of segments consists of. */
function cut(message: Buffer, segmentBytes: number): string[] {
  const datagrams: string[] = [];
  for (let at = 0; at < message.length; at += segmentBytes) {
    datagrams.push(message.subarray(at, at + segmentBytes).toString('hex'));
  }
  return datagrams;
}

describe('wrapper socket', function () {
  needsRoot(this);
  let namespace: TestNamespace;
  let wire: Wire;

  beforeEach(() => {
    namespace = new TestNamespace();
    wire = new Wire(namespace);
  });

  afterEach(() => {
    wire[Symbol.dispose]();
    namespace[Symbol.dispose]();
  });

  function datagrams(): string[] {
    return wire.received.flatMap(({ bytes, segmentBytes }) => cut(bytes, segmentBytes || bytes.length));
  }

  for (const [family, a, b] of [
    ['IPv4', '127.0.0.1', '127.0.0.2'],
    ['IPv6', '::1', '::1'],
  ]) {
    describe(`over ${family}`, () => {
      it('sends a train in one piece, and it arrives as one message of the same segments', () => {
        const from = wire.open(a, PORT);
        wire.open(b, PORT + 1);
        const route = wire.sender.openRoute(from, { address: b, port: PORT + 1 });
        // Pieces do not end where segments do; the last segment is shorter.
        const sent = wire.message(route, SEGMENT, [1000, 425, 2000, 1, 40_000, 5_555]);
        wire.send();
        wire.serveUntil(() => wire.received.length > 0);
        const [message] = wire.received;
        expect(message.bytes.equals(sent)).to.equal(true);
        expect(message).to.include({ segmentBytes: SEGMENT, local: 2 });
        expect(message.from).to.deep.equal({ address: a, port: PORT });
        expect(wire.counters).to.include({ wireSentMessages: 1, wireSentBytes: sent.length, wireReceivedMessages: 1 });
        expect(wire.batch.messages).to.equal(0);
      });

      it('hears that nobody listens at a port, and reaches others meanwhile', () => {
        const from = wire.open(a, PORT);
        wire.open(b, PORT + 1);
        const closed = { address: b, port: 9 };
        const toClosed = wire.sender.openRoute(from, closed);
        const toOpen = wire.sender.openRoute(from, { address: b, port: PORT + 1 });
        wire.message(toClosed, 0, [100]);
        wire.message(toOpen, SEGMENT, [3000]);
        wire.message(toClosed, 0, [100]);
        wire.message(toOpen, 0, [100]);
        wire.send();
        wire.serveUntil(() => datagrams().length === 4 && wire.unreachable.length === 2);
        expect(wire.unreachable).to.deep.equal([closed, closed]);
        expect(wire.counters.wireSendErrors).to.equal(0);
        expect(wire.isQuiet).to.equal(true);
      });
    });
  }

  it('takes the time of what has come after it has come: no delay is shorter than it was', () => {
    const from = wire.open('127.0.0.1', PORT);
    wire.open('127.0.0.2', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.2', port: PORT });
    const seen: number[] = [];
    wire.clock = () => {
      seen.push(wire.counters.wireReceivedMessages);
      // What is sent now cannot be among what is stamped with this time.
      if (seen.length === 1) {
        wire.message(route, 0, [200]);
        wire.send();
      }
      return 0;
    };
    wire.message(route, 0, [100]);
    wire.send();
    wire.serveUntil(() => wire.received.length === 2);
    expect(wire.received.map(({ bytes }) => bytes.length)).to.deep.equal([100, 200]);
    expect(seen).to.deep.equal([0, 1]);
  });

  it('sends several messages to several routes in order', () => {
    const from = wire.open('127.0.0.1', PORT);
    wire.open('127.0.0.2', PORT);
    wire.open('127.0.0.3', PORT);
    const routes = ['127.0.0.2', '127.0.0.3'].map((address) => wire.sender.openRoute(from, { address, port: PORT }));
    const sent = [0, 1, 0, 1, 0].map((i, n) => wire.message(routes[i], 0, [10 + n]).length);
    wire.send();
    wire.serveUntil(() => wire.received.length === 5);
    const lengths = (local: number) =>
      wire.received.filter((message) => message.local === local).map(({ bytes }) => bytes.length);
    expect(lengths(2)).to.deep.equal([sent[0], sent[2], sent[4]]);
    expect(lengths(3)).to.deep.equal([sent[1], sent[3]]);
  });

  it('takes more messages than one call brings', () => {
    const from = wire.open('127.0.0.1', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.1', port: PORT });
    for (let i = 0; i < 20; i++) wire.message(route, 0, [100 + i]);
    wire.send();
    wire.serveUntil(() => wire.received.length === 20);
    expect(wire.received.map(({ bytes }) => bytes.length)).to.deep.equal(Array.from({ length: 20 }, (_, i) => 100 + i));
    expect(wire.received.every(({ segmentBytes }) => segmentBytes === 0)).to.equal(true);
  });

  it('without segmentation sends the same datagrams one by one', () => {
    const from = wire.open('127.0.0.1', PORT);
    wire.open('127.0.0.2', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.2', port: PORT });
    from.segmentation = false;
    const sent = wire.message(route, SEGMENT, [999, 3, 5000, 1400, 7]);
    wire.send();
    const expected = cut(sent, SEGMENT);
    wire.serveUntil(() => wire.received.length === expected.length);
    expect(wire.received.map(({ bytes }) => bytes.toString('hex'))).to.deep.equal(expected);
    expect(wire.counters.wireSendUnsegmented).to.equal(1);
  });

  it('falls back to single datagrams for a train that the kernel does not take, and keeps segmentation', () => {
    const from = wire.open('127.0.0.1', PORT);
    wire.open('127.0.0.2', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.2', port: PORT });
    // More segments than any kernel takes (UDP_MAX_SEGMENTS is 64, or 128 since Linux 6.10).
    const sent = wire.message(route, 10, [1500]);
    wire.send();
    wire.serveUntil(() => wire.received.length === 150);
    expect(datagrams()).to.deep.equal(cut(sent, 10));
    expect(from.segmentation).to.equal(true);
  });

  it('reports what is longer than the MTU and never fragments it', () => {
    namespace.ip('link set lo mtu 1500');
    const from = wire.open('127.0.0.1', PORT);
    wire.open('127.0.0.2', PORT);
    const remote = { address: '127.0.0.2', port: PORT };
    const route = wire.sender.openRoute(from, remote);
    wire.message(route, 0, [1473]);
    wire.message(route, 1473, [6000]);
    wire.message(route, 0, [1472]);
    wire.send();
    wire.serveUntil(() => wire.received.length === 1 && wire.tooLong.length > 0);
    expect(wire.received[0].bytes.length).to.equal(1472);
    expect(wire.tooLong[0]).to.deep.equal({ remote: remote.address, mtu: 1500 });
    expect(wire.counters.wireSendTooLong).to.be.at.least(2);
    expect(from.segmentation).to.equal(true);
    wire.serveUntil(() => wire.isQuiet);
    expect(wire.received.length).to.equal(1);
  });

  it('drops and counts what comes while all slots are held, and goes on when one is given up', () => {
    wire[Symbol.dispose]();
    wire = new Wire(namespace, 2);
    wire.keepSlots = true;
    const from = wire.open('127.0.0.1', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.1', port: PORT });
    for (let i = 0; i < 5; i++) wire.message(route, 0, [100 + i]);
    wire.send();
    wire.serveUntil(() => wire.received.length + wire.counters.wireReceiveNoSlot === 5);
    expect(wire.received.map(({ bytes }) => bytes.length)).to.deep.equal([100, 101]);
    for (const slot of wire.kept) wire.slots.release(slot);
    wire.message(route, 0, [200]);
    wire.send();
    wire.serveUntil(() => wire.received.length === 3);
    expect(wire.received[2].bytes.length).to.equal(200);
  });

  it('receives no message into a slot that is held', () => {
    wire.keepSlots = true;
    const from = wire.open('127.0.0.1', PORT);
    const route = wire.sender.openRoute(from, { address: '127.0.0.1', port: PORT });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) wire.message(route, 0, [100]);
      wire.send();
      wire.serveUntil(() => wire.received.length === 5 * (round + 1));
    }
    expect(new Set(wire.kept).size).to.equal(15);
  });

  it('drops and counts what is for a route whose socket has gone', () => {
    const from = wire.open('127.0.0.1', PORT);
    const remote = { address: '127.0.0.1', port: PORT };
    const route = wire.sender.openRoute(from, remote);
    wire.sender.detach(from);
    wire.message(route, 0, [10]);
    wire.message(wire.sender.openRoute(undefined, remote), 0, [10]);
    wire.send();
    expect(wire.counters).to.include({ wireSendNoSocket: 2, wireSentMessages: 0 });
    wire.sender.closeRoute(route);
    wire.sender.closeRoute(route);
    expect(wire.sender.openRoute(from, remote)).to.equal(route);
    expect(wire.sender.openRoute(from, remote)).not.to.equal(route);
  });

  it('cannot be had twice for one address and port', () => {
    wire.open('127.0.0.1', PORT);
    expect(() => wire.open('127.0.0.1', PORT))
      .to.throw('bind 127.0.0.1 port 6747')
      .that.includes({ code: 'E_SYSTEM', errnoName: 'EADDRINUSE' });
  });
});
