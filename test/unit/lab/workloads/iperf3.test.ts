import { expect } from 'chai';
import { LabError } from '../../../../lab/error.js';
import { clientCommandOf, type Iperf3Workload, serverCommandOf } from '../../../../lab/workloads/iperf3.js';

const TCP: Iperf3Workload = {
  name: 'download',
  type: 'iperf3',
  from: 'a',
  to: 'b',
  protocol: 'tcp',
  congestion: 'cubic',
  duration: 20,
  reverse: false,
  parallel: 1,
  rate: null,
};

const client = (change: Partial<Iperf3Workload>, mptcp = false): string =>
  clientCommandOf({ ...TCP, ...change }, '10.1.0.2', 5201, mptcp).join(' ');

describe('command line of iperf3', () => {
  it('names the congestion control of TCP', () => {
    expect(client({})).to.match(/^iperf3 -c 10\.1\.0\.2 -p 5201 -J -i 0\.5 -t 20 -P 1 .* -C cubic$/);
  });

  it('leaves it to the machine where that is asked for', () => {
    expect(client({ congestion: 'system' }))
      .to.not.include('-C')
      .and.not.include('-u');
  });

  it('reverses, and limits the rate of each flow so that all together have the rate asked for', () => {
    expect(client({ reverse: true, parallel: 4, rate: 10e6 }))
      .to.include('-P 4')
      .and.match(/-b 2500000 -R$/);
  });

  it('sends UDP at a rate, and names no congestion control for it', () => {
    expect(client({ protocol: 'udp', rate: 53e6 })).to.match(/ -u -b 53000000$/);
    expect(client({ protocol: 'udp', rate: 53e6 })).to.not.include('-C');
  });

  it('moves a size in place of a time, in blocks no larger than it', () => {
    const sized = { duration: null, reverse: true };
    expect(client({ ...sized, size: 16 << 20 }))
      .to.match(/ -n 16777216 -P 1 .* -R$/)
      .and.not.match(/ -[tl] /);
    expect(client({ ...sized, size: 80 << 10 })).to.include(' -n 81920 -l 81920 ');
  });

  it('refuses a size where it would end before the last byte has come, and one beside a duration', () => {
    expect(() => client({ duration: null, size: 1e6 })).to.throw(LabError, 'a size needs "reverse: true"');
    expect(() => client({ duration: null, size: 1e6, reverse: true, protocol: 'udp', rate: 1e6 })).to.throw(LabError);
    expect(() => client({ size: 1e6, reverse: true })).to.throw(LabError, 'a duration and a size');
    expect(() => client({ duration: null })).to.throw(LabError, 'no duration, no size');
  });

  it('makes MPTCP sockets on both sides', () => {
    expect(client({}, true)).to.match(/^mptcpize run iperf3 -c /);
    expect(serverCommandOf(5201, true).join(' ')).to.match(/^mptcpize run iperf3 -s -1 -J /);
  });

  it('refuses UDP without a rate and UDP over MPTCP', () => {
    expect(() => client({ protocol: 'udp' })).to.throw(LabError, 'workload download: UDP needs a rate');
    expect(() => client({ protocol: 'udp', rate: 1e6 }, true)).to.throw(LabError, 'MPTCP carries no UDP');
  });
});
