import { expect } from 'chai';
import fc from 'fast-check';
import { FakeTcp, HANDSHAKE_WINDOW, isHandshake, SYN_BYTES, writeRefusal } from '../../../src/core/nat/fake-tcp.js';
import * as tcp from '../../../src/core/wire/tcp.js';
import { TrackedConnection } from '../../sim/world/connection-tracking.js';
import { ACK, FIN, long, PSH, RST, SYN } from '../../sim/world/packet.js';

const HEADER = tcp.HEADER_BYTES;
const [OPENER_PORT, LISTENER_PORT] = [40_000, 6747];

/** A segment written by `write`, with `payload` bytes behind its header. */
function segment(write: (b: Uint8Array) => number, payload = 0): Uint8Array {
  const b = new Uint8Array(64);
  const header = write(b);
  const out = new Uint8Array(header + payload);
  out.set(b.subarray(0, header));
  return out;
}

const syn = (end: FakeTcp) => segment((b) => end.writeSyn(b, 0, 1460));
const answer = (end: FakeTcp) => segment((b) => end.writeAnswer(b, 0, 1460));
function header(write: (b: Uint8Array) => void): (b: Uint8Array) => number {
  return (b) => {
    write(b);
    return HEADER;
  };
}
const data = (end: FakeTcp, bytes: number) =>
  segment(
    header((b) => end.writeData(b, 0, bytes)),
    bytes,
  );
const ack = (end: FakeTcp) => segment(header((b) => end.writeAcknowledgment(b, 0)));
const finish = (end: FakeTcp) => segment(header((b) => end.writeFinish(b, 0)));
const reset = (end: FakeTcp) => segment(header((b) => end.writeReset(b, 0)));
const headerBytes = (s: Uint8Array) => (s[12]! >> 4) * 4;
const flagsOf = (s: Uint8Array) => s[13]!;

function receive(end: FakeTcp, s: Uint8Array) {
  const bytes = s.length - headerBytes(s);
  const verdict = end.received(s, 0, headerBytes(s), bytes);
  if (verdict === 'deliver') end.accept(s, 0, bytes);
  return verdict;
}

/** Two ends whose handshake is done. */
function connected(initials: readonly [number, number] = [1000, 5000]): readonly [FakeTcp, FakeTcp] {
  const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, initials[0]);
  const listener = FakeTcp.accept(syn(opener), 0, initials[1]);
  expect(receive(opener, syn(listener))).to.equal('established');
  expect(receive(listener, ack(opener))).to.equal('established');
  return [opener, listener];
}

describe('a fake TCP connection', () => {
  it('begins with SYN, SYN-ACK and ACK, whose SYNs carry MSS and window scale and the mark of a node', () => {
    const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 1000);
    const first = syn(opener);
    expect(flagsOf(first)).to.equal(SYN);
    expect([...first.subarray(HEADER)]).to.deep.equal([2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 14]);
    expect(isHandshake(first, 0, headerBytes(first))).to.equal(true);
    const listener = FakeTcp.accept(first, 0, 5000);
    const second = syn(listener);
    expect(flagsOf(second)).to.equal(SYN | ACK);
    expect(long(second, 8)).to.equal(1001);
    expect(receive(opener, second)).to.equal('established');
    const third = ack(opener);
    expect([flagsOf(third), long(third, 4), long(third, 8)]).to.deep.equal([ACK, 1001, 5001]);
    expect(receive(listener, third)).to.equal('established');
    expect([opener.carries, listener.carries]).to.deep.equal([true, true]);
  });

  it('sends no byte to a host whose SYN-ACK bears no mark', () => {
    for (const spoil of [(s: Uint8Array) => (s[15]! ^= 1), (s: Uint8Array) => (s[27] = 7)]) {
      const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 1000);
      const listener = FakeTcp.accept(syn(opener), 0, 5000);
      const second = syn(listener);
      spoil(second);
      expect(receive(opener, second)).to.equal('foreign');
      expect(opener.carries).to.equal(false);
      const last = reset(opener);
      expect([flagsOf(last) & RST, last.length]).to.deep.equal([RST, HEADER]);
    }
  });

  it('takes repeated SYNs and SYN-ACKs for what they are: the other side has not heard the answer', () => {
    const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 1000);
    const listener = FakeTcp.accept(syn(opener), 0, 5000);
    expect(receive(listener, syn(opener))).to.equal('answer');
    const again = answer(listener);
    expect([flagsOf(again), again.length]).to.deep.equal([SYN | ACK, SYN_BYTES]);
    expect(receive(opener, again)).to.equal('established');
    expect(receive(opener, again)).to.equal('answer');
    expect(flagsOf(answer(opener))).to.equal(ACK);
  });

  it('may lose its third segment: the first datagram stands for it', () => {
    const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 1000);
    const listener = FakeTcp.accept(syn(opener), 0, 5000);
    receive(opener, syn(listener));
    ack(opener);
    expect(receive(listener, data(opener, 100))).to.equal('established');
    expect(listener.carries).to.equal(true);
  });

  it('advances sequence and acknowledgment numbers, also past 2^32 and past what was lost', () => {
    const [opener, listener] = connected([0xffff_ff00, 0x7fff_ff00]);
    data(opener, 1000);
    const second = data(opener, 1000);
    expect(long(second, 4)).to.equal((0xffff_ff01 + 1000) >>> 0);
    expect(flagsOf(second)).to.equal(ACK | PSH);
    expect(receive(listener, second)).to.equal('deliver');
    expect(long(ack(listener), 8)).to.equal((0xffff_ff01 + 2000) >>> 0);
    expect(listener.unacknowledged).to.equal(0);
  });

  it('goes back for nothing: what was overtaken does not lower the acknowledgment', () => {
    const [opener, listener] = connected();
    const first = data(opener, 100);
    receive(listener, data(opener, 100));
    expect(receive(listener, first)).to.equal('deliver');
    expect(long(ack(listener), 8)).to.equal(1201);
  });

  it('lets segments that are not shown to be genuine move no number', () => {
    const [opener, listener] = connected();
    const forged = data(opener, 100);
    expect(listener.received(forged, 0, HEADER, 100)).to.equal('deliver');
    expect(long(ack(listener), 8)).to.equal(1001);
  });

  it('asks to be acknowledged at once when much has come', () => {
    const [opener, listener] = connected();
    receive(listener, data(opener, 200_000));
    expect(listener.acknowledgmentDue).to.equal(false);
    receive(listener, data(opener, 100_000));
    expect(listener.acknowledgmentDue).to.equal(true);
    ack(listener);
    expect(listener.acknowledgmentDue).to.equal(false);
  });

  it('ends by a reset with the exact number alone; one in the window is questioned (RFC 5961)', () => {
    const [opener, listener] = connected();
    const lost = data(opener, 500);
    expect(lost.length).to.equal(HEADER + 500);
    const ahead = reset(opener);
    expect(receive(listener, ahead)).to.equal('answer');
    const question = answer(listener);
    expect(flagsOf(question)).to.equal(ACK);
    const exact = segment((b) => {
      writeRefusal(question, 0, 0, 0);
      b.set(question.subarray(0, HEADER));
      return HEADER;
    });
    expect(receive(listener, exact)).to.equal('reset');
    expect(listener.state).to.equal('closed');
    const [, other] = connected();
    const far = ack(connected()[0]);
    far[13] = RST;
    far[4]! ^= 0x80;
    expect(receive(other, far)).to.equal('ignore');
    expect(other.carries).to.equal(true);
  });

  it('ends in order: after FIN what is under way is still taken', () => {
    const [opener, listener] = connected();
    const last = data(opener, 100);
    const end = finish(opener);
    expect(flagsOf(end)).to.equal(FIN | ACK);
    expect(opener.carries).to.equal(false);
    const underWay = data(listener, 300);
    expect(receive(listener, last)).to.equal('deliver');
    expect(receive(listener, end)).to.equal('finished');
    expect(receive(opener, underWay)).to.equal('deliver');
    expect(receive(opener, finish(listener))).to.equal('answer');
  });

  it('is refused by a host that listens to nothing there, and begins anew where another one was before', () => {
    const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 1000);
    const first = syn(opener);
    const refusal = segment((b) => {
      writeRefusal(first, 0, 0, 0);
      b.set(first.subarray(0, HEADER));
      return HEADER;
    });
    expect([flagsOf(refusal), long(refusal, 8)]).to.deep.equal([RST | ACK, 1001]);
    expect(receive(opener, refusal)).to.equal('reset');
    // The listener has a connection with the same ports, of a node that was killed.
    const [, listener] = connected();
    const anew = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 77_777);
    expect(receive(listener, syn(anew))).to.equal('answer');
    const question = answer(listener);
    expect(receive(anew, question)).to.equal('stray');
    writeRefusal(question, 0, 0, 0);
    expect(receive(listener, question.subarray(0, HEADER))).to.equal('reset');
  });

  it('passes a firewall that tracks windows, whatever is lost, doubled or overtaken on either side of it', () => {
    const fate = fc.constantFrom('pass', 'pass', 'pass', 'lose', 'double', 'delay');
    const step = fc.record({
      from: fc.constantFrom<0 | 1>(0, 1),
      bytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1460 }), fc.integer({ min: 1461, max: 65_000 })),
      before: fate,
      behind: fate,
      hold: fc.integer({ min: 1, max: 40 }),
    });
    const initial = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(initial, initial, fc.array(step, { minLength: 1, maxLength: 400 }), (a, b, steps) => {
        const firewall = new TrackedConnection();
        const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, a);
        const first = syn(opener);
        expect(firewall.passes(0, first)).to.equal(true);
        const listener = FakeTcp.accept(first, 0, b);
        const ends = [opener, listener] as const;
        const second = syn(listener);
        expect(firewall.passes(1, second)).to.equal(true);
        receive(opener, second);
        const third = ack(opener);
        expect(firewall.passes(0, third)).to.equal(true);
        receive(listener, third);
        // A path carries data when a probe on it was answered, so the listener's window is known.
        expect(firewall.passes(1, ack(listener))).to.equal(true);

        const delayed: { at: number; act: () => void }[] = [];
        const through = (how: string, hold: number, i: number, act: () => void): void => {
          if (how === 'lose') return;
          if (how === 'delay') delayed.push({ at: i + hold, act });
          else act();
          if (how === 'double') delayed.push({ at: i + hold, act });
        };
        for (const [i, { from, bytes, before, behind, hold }] of steps.entries()) {
          const to = from === 0 ? 1 : 0;
          const sent = bytes === 0 ? ack(ends[from]) : data(ends[from], bytes);
          through(before, hold, i, () => {
            expect(firewall.passes(from, sent), firewall.reason).to.equal(true);
            through(behind, hold, i, () => {
              receive(ends[to], sent);
              if (!ends[to].acknowledgmentDue) return;
              const answered = ack(ends[to]);
              expect(firewall.passes(to, answered), firewall.reason).to.equal(true);
            });
          });
          for (const late of delayed.filter(({ at }) => at <= i)) {
            delayed.splice(delayed.indexOf(late), 1);
            late.act();
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('would not pass it with constant numbers, as those of the authors, nor without its acknowledgments', () => {
    const constant = new TrackedConnection();
    const opener = FakeTcp.open(OPENER_PORT, LISTENER_PORT, 0);
    const listener = FakeTcp.accept(syn(opener), 0, 5000);
    expect(constant.passes(0, syn(opener))).to.equal(true);
    const second = syn(listener);
    expect(constant.passes(1, second)).to.equal(true);
    receive(opener, second);
    expect(constant.passes(0, ack(opener))).to.equal(true);
    receive(listener, ack(opener));
    let sent = 0;
    // One way alone, never acknowledged: the window that the firewall saw ends.
    for (; sent < 2 ** 31 - 2 ** 24; sent += 60_000) if (!constant.passes(0, data(opener, 60_000))) break;
    expect(sent).to.be.lessThan(2 ** 30 + 120_000);
    const foreign = ack(listener);
    foreign[8]! ^= 0x40;
    expect(constant.passes(1, foreign)).to.equal(false);
  });

  it('bears in its first window a value that no stack begins with', () => {
    expect(HANDSHAKE_WINDOW).to.equal(0x6d70);
  });
});
