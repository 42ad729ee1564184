import { expect } from 'chai';
import { parseCounters } from '../../../../lab/backend/counters.js';

describe('/proc/net/dev', () => {
  it('is read as counters of all interfaces but lo, wide numbers and names without a space after them included', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
  eth0: 9977703    5513    0    3    0     0          0         0   189192    2863    0    4    0     0       0          0
fifteen-letters:12345678901234 8234567    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
    expect(parseCounters(text)).to.deep.equal([
      {
        interface: 'eth0',
        rxBytes: 9977703,
        rxPackets: 5513,
        txBytes: 189192,
        txPackets: 2863,
        rxDropped: 3,
        txDropped: 4,
      },
      {
        interface: 'fifteen-letters',
        rxBytes: 12345678901234,
        rxPackets: 8234567,
        txBytes: 0,
        txPackets: 0,
        rxDropped: 0,
        txDropped: 0,
      },
    ]);
  });
});
