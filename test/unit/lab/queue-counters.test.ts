import { expect } from 'chai';
import { parseQueueCounters } from '../../../lab/backend/counters.js';

const qdisc = (kind: string, root: boolean, statistics: object) => ({
  kind,
  handle: '1:',
  ...(root && { root }),
  options: {},
  bytes: 0,
  packets: 0,
  drops: 0,
  overlimits: 0,
  requeues: 0,
  backlog: 0,
  qlen: 0,
  ...statistics,
});

describe('counters of the kernel for what leaves by a link', () => {
  it('are those of the token bucket where there is only that', () => {
    const bucket = qdisc('tbf', true, { bytes: 5000, packets: 5, drops: 7, backlog: 3000, qlen: 3 });
    expect(parseQueueCounters(JSON.stringify([bucket]))).to.deep.equal({
      packets: 5,
      bytes: 5000,
      waitingPackets: 3,
      waitingBytes: 3000,
      droppedByQueue: 7,
      lost: 0,
    });
  });

  it('tell what netem loses from what the bucket behind it drops, which netem counts too', () => {
    const netem = qdisc('netem', true, { bytes: 900, packets: 9, drops: 12 });
    const bucket = qdisc('tbf', false, { bytes: 900, packets: 9, drops: 4 });
    expect(parseQueueCounters(JSON.stringify([netem, bucket]))).to.include({ droppedByQueue: 4, lost: 8, packets: 9 });
    expect(parseQueueCounters(JSON.stringify([netem]))).to.include({ droppedByQueue: 0, lost: 12 });
  });

  it('are an error where there is no queueing discipline to count', () => {
    expect(() => parseQueueCounters('[]')).to.throw('no root');
  });
});
