import { expect } from 'chai';
import fc from 'fast-check';
import { CM_BYTES, fullPacket, limit, type Packing, TAG_BYTES } from '../../../../lab/results/limit.js';
import * as wire from '../../../../src/core/wire/cm.js';

const TCP: Packing = { mtu: 1500, ip: 4, transport: 'tcp', mpip: null };
const MPIP: Packing = { ...TCP, mpip: { authenticated: true, by: 'udp' } };

describe('limit of a set of links', () => {
  it('counts the headers of plain TCP: 1448 of 1514 bytes', () => {
    expect(fullPacket(TCP)).to.deep.equal({ payloadBytes: 1448, wireBytes: 1514 });
  });

  it('counts the wrapper, the control message block and the tag of MPIP: 1407 of 1514 bytes', () => {
    expect(fullPacket(MPIP)).to.deep.equal({ payloadBytes: 1407, wireBytes: 1514 });
  });

  it('is 8 bytes a packet higher without authentication', () => {
    expect(fullPacket({ ...MPIP, mpip: { authenticated: false, by: 'udp' } }).payloadBytes).to.equal(1415);
    expect(fullPacket({ ...MPIP, mpip: { authenticated: true, by: 'tcp' } }).payloadBytes).to.equal(1395);
  });

  it('counts the 24 bytes of MPTCP options that a captured data segment has', () => {
    expect(fullPacket({ ...TCP, transport: 'mptcp' }).payloadBytes).to.equal(1424);
  });

  it('counts UDP, whose own header MPIP replaces by that of the wrapper', () => {
    expect(fullPacket({ ...TCP, transport: 'udp' }).payloadBytes).to.equal(1472);
    expect(fullPacket({ ...MPIP, transport: 'udp' }).payloadBytes).to.equal(1472 - CM_BYTES - TAG_BYTES);
  });

  it('counts 20 bytes more for IPv6', () => {
    expect(fullPacket({ ...MPIP, ip: 6 }).payloadBytes).to.equal(1387);
  });

  it('uses the sizes of the block and its tag that the core writes', () => {
    expect([CM_BYTES, TAG_BYTES]).to.deep.equal([wire.CM_BYTES, wire.TAG_BYTES]);
  });

  it('is 55.76 Mbit/s for MPIP over 40 and 20 Mbit/s', () => {
    expect(limit([40e6, 20e6], MPIP) / 1e6).to.be.closeTo(55.76, 0.005);
  });

  it('refuses an MTU that the headers fill', () => {
    expect(() => fullPacket({ ...MPIP, mtu: 93 })).to.throw(RangeError, '93 bytes leaves no payload after 93 bytes');
  });

  it('adds up over links and never exceeds their rates', () => {
    const rates = fc.array(fc.integer({ min: 8000, max: 1e10 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(rates, fc.integer({ min: 576, max: 9000 }), (list, mtu) => {
        const whole = list.reduce((sum, rate) => sum + rate, 0);
        const separate = list.reduce((sum, rate) => sum + limit([rate], { ...MPIP, mtu }), 0);
        expect(limit(list, { ...MPIP, mtu }))
          .to.be.closeTo(separate, 1e-3 * whole)
          .and.below(whole);
      }),
    );
  });
});
