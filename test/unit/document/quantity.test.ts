import { expect } from 'chai';
import fc from 'fast-check';
import type { z } from 'zod';
import { ipAddress, ipInterface, ipNetwork } from '../../../src/document/address.js';
import { duration, percent, rate, size } from '../../../src/document/quantity.js';

function accepts<T>(type: z.ZodType<T>, cases: readonly (readonly [string | number, T])[]): void {
  for (const [text, value] of cases) expect(type.parse(text), String(text)).to.deep.equal(value);
}

function refuses(type: z.ZodType, values: readonly unknown[]): void {
  for (const value of values) expect(type.safeParse(value).success, JSON.stringify(value)).to.equal(false);
}

describe('a quantity', () => {
  it('of time is microseconds', () => {
    accepts(duration, [
      ['5us', 5],
      ['5ms', 5000],
      ['0.5 ms', 500],
      ['20s', 20e6],
      ['1m', 60e6],
      ['2min', 120e6],
      ['1h', 3600e6],
      [0, 0],
      ['0', 0],
    ]);
    refuses(duration, [
      5,
      '5',
      '-5ms',
      '5 light years',
      '',
      'ms',
      '1e3ms',
      '1..5ms',
      null,
      true,
      [],
      {},
      '9999999999h',
    ]);
  });

  it('of rate is bit/s, in powers of 1000', () => {
    accepts(rate, [
      ['9600bit', 9600],
      ['500kbit', 500e3],
      ['40mbit', 40e6],
      ['2.5Gbit/s', 2.5e9],
      ['1tbit', 1e12],
    ]);
    refuses(rate, ['40mbps', '40m', '40MB', '40 mbit per s', 40]);
  });

  it('of size is bytes: kb is 1000, kib is 1024', () => {
    accepts(size, [
      ['1500b', 1500],
      ['16kb', 16000],
      ['1MB', 1e6],
      ['100kib', 102400],
      ['1GiB', 2 ** 30],
    ]);
    refuses(size, ['16k', '16kbit', 1500]);
  });

  it('of share is a fraction of 1', () => {
    accepts(percent, [
      ['0.1%', 0.001],
      ['100%', 1],
      ['2 %', 0.02],
      [0, 0],
    ]);
    refuses(percent, ['101%', '-1%', 0.1, '0.1', '1%%']);
  });
});

describe('an address', () => {
  it('is made canonical', () => {
    accepts(ipAddress, [
      ['10.1.0.1', '10.1.0.1'],
      ['FD00:0:0:0::0001', 'fd00::1'],
      ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ]);
    refuses(ipAddress, [
      '10.1.0',
      '010.1.0.1',
      '10.1.0.256',
      '10.1.0.1/24',
      'fe80::1%eth0',
      '::ffff:10.0.0.1',
      'a.example',
      '',
      10,
    ]);
  });

  it('of a network has no bit set after the prefix, of an interface it may', () => {
    accepts(ipNetwork, [
      ['10.1.0.0/16', { address: '10.1.0.0', family: 4, prefix: 16 }],
      ['10.1.2.4/30', { address: '10.1.2.4', family: 4, prefix: 30 }],
      ['0.0.0.0/0', { address: '0.0.0.0', family: 4, prefix: 0 }],
      ['2001:DB8::/33', { address: '2001:db8::', family: 6, prefix: 33 }],
      ['::/0', { address: '::', family: 6, prefix: 0 }],
      ['::1/128', { address: '::1', family: 6, prefix: 128 }],
    ]);
    refuses(ipNetwork, [
      '10.1.2.5/30',
      '2001:db8:8000::/32',
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/',
      '/8',
      '::/129',
      '1/2/3',
    ]);
    accepts(ipInterface, [['10.1.2.5/30', { address: '10.1.2.5', family: 4, prefix: 30 }]]);
  });

  it('in a canonical form stays as it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const first = ipAddress.safeParse(text);
        // IPv4 addresses in IPv6 form are refused.
        fc.pre(first.success);
        expect(ipAddress.parse(first.data)).to.equal(first.data);
      }),
    );
  });
});
