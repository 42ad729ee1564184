import { expect } from 'chai';
import { availabilityTable } from '../../../src/ctl/view/availability.js';
import { nodesTable } from '../../../src/ctl/view/nodes.js';
import { pathsTable } from '../../../src/ctl/view/paths.js';
import { bytes, megabits, milliseconds, percent, span } from '../../../src/ctl/view/quantity.js';
import { sessionsTable } from '../../../src/ctl/view/sessions.js';
import { statusText } from '../../../src/ctl/view/status.js';
import { renderTable } from '../../../src/ctl/view/table.js';
import { status } from '../daemon/status.fixture.js';

const text = (lines: string[]): string => lines.join('\n');

describe('what people see', () => {
  it('of paths: Table 5, then what the configuration calls them, state, counters, rate and loss', () => {
    expect(pathsTable(status.paths)).to.equal(
      text([
        'DEST NODE ID      SESSIONS  PATH ID  SRC IP    SRC PORT  DEST IP   DEST PORT  MIN DELAY ms  DELAY ms  QUEUING ms  MAX QUEUING ms  WEIGHT  INTERFACE  BY   KIND                  DEST NIC  STATE    RTT ms      SENT  RECEIVED  RATE Mbit/s   LOSS',
        'a1b2c3d4e5f60718         1        1  10.1.0.1      6747  10.1.0.2       6747          5.01      7.25        2.24           48.00     667  eth0       udp  -                            3  live      10.70  171.6 kB   46.7 MB        39.80  0.12%',
        'a1b2c3d4e5f60718         1        2  10.2.0.1      6747  10.2.0.2       6747             -         -           -               -     333  eth1       tcp  lte, metered, backup         -  probing       -     999 B       0 B            -   0.0%',
      ]),
    );
  });

  it('of paths on a narrow terminal: parts that each name the path', () => {
    expect(pathsTable(status.paths, 100)).to.equal(
      text([
        'DEST NODE ID      SESSIONS  PATH ID  SRC IP    SRC PORT  DEST IP   DEST PORT  MIN DELAY ms  DELAY ms',
        'a1b2c3d4e5f60718         1        1  10.1.0.1      6747  10.1.0.2       6747          5.01      7.25',
        'a1b2c3d4e5f60718         1        2  10.2.0.1      6747  10.2.0.2       6747             -         -',
        '',
        'DEST NODE ID      PATH ID  QUEUING ms  MAX QUEUING ms  WEIGHT  INTERFACE  BY   KIND',
        'a1b2c3d4e5f60718        1        2.24           48.00     667  eth0       udp  -',
        'a1b2c3d4e5f60718        2           -               -     333  eth1       tcp  lte, metered, backup',
        '',
        'DEST NODE ID      PATH ID  DEST NIC  STATE    RTT ms      SENT  RECEIVED  RATE Mbit/s   LOSS',
        'a1b2c3d4e5f60718        1         3  live      10.70  171.6 kB   46.7 MB        39.80  0.12%',
        'a1b2c3d4e5f60718        2         -  probing       -     999 B       0 B            -   0.0%',
      ]),
    );
  });

  it('of sessions: Table 4, then state and reordering', () => {
    expect(sessionsTable(status.sessions)).to.equal(
      text([
        'DEST NODE ID      SESSION ID  SRC IP    SRC PORT  DEST IP   DEST PORT  PROTOCOL  NEXT SEQUENCE   UPDATED  STATE  OPENED BY      SENT  RECEIVED  REORDER   HELD  MAX HELD  RELEASED  TIMEOUTS  LOSSES  LATE  DUPLICATES',
        'a1b2c3d4e5f60718          17  10.1.0.1     45678  10.1.0.2       5201  tcp              123456  0.0s ago  mpip   self       264.0 kB   70.1 MB  adaptive     3        88     49000         2       5     1           0',
      ]),
    );
  });

  it('of nodes: Table 3, then their state', () => {
    expect(nodesTable(status.peers)).to.equal(
      text([
        'NODE ID           IP ADDRESS  PORT  STATE     AUTHENTICATED  LIVE PATHS  SESSIONS  STEERED',
        'a1b2c3d4e5f60718  10.1.0.2    6747  up        yes                     2         1  yes',
        'a1b2c3d4e5f60718  10.2.0.2    6747  up        yes                     2         1  no',
        'ffffffffffffffff  -              -  greeting  no                      0         0  no',
      ]),
    );
  });

  it('of destinations: Table 2', () => {
    expect(availabilityTable(status.availability)).to.equal(
      text([
        'DEST IP      DEST PORT  MPIP AVAILABILITY  QUERY COUNT',
        '10.1.0.2             0  true                         1',
        '192.0.2.80           0  false                        5',
        '2001:db8::1          0  unknown                      2',
      ]),
    );
  });

  it('of the daemon: what it is and has, and the counters that moved', () => {
    expect(statusText(status)).to.equal(
      text([
        'node            0011223344556677',
        'mpipd           version 0.1.0, pid 4711, up 1h 2m',
        'device          mpip0, UDP port 6747',
        'scheduler       earliest',
        'reorder         adaptive',
        'authentication  on',
        'nodes           2, 1 up',
        'paths           2, 1 live',
        'sessions        1, 1 over MPIP',
        '',
        'counters:',
        '  tunPackets     1200',
        '  wireDatagrams  5400',
        '',
        'input and output:',
        '  tunReads  800',
      ]),
    );
  });

  it('of nothing says so', () => {
    const nothing = [pathsTable([]), sessionsTable([]), nodesTable([]), availabilityTable([])];
    expect(nothing).to.deep.equal(['no paths', 'no sessions', 'no nodes', 'no destinations']);
  });

  it('holds no control characters, wherever a name comes from', () => {
    expect(renderTable([{ title: 'N', cell: (name: string) => name }], ['a\u001b[2Jb\n'])).to.equal(
      'N\na\u00b7[2Jb\u00b7',
    );
  });
});

describe('a quantity for people', () => {
  it('is in the unit that its column names', () => {
    expect([milliseconds(5012), milliseconds(-2_000_123), milliseconds(null)]).to.deep.equal(['5.01', '-2000.12', '-']);
    expect([megabits(39_800_000), megabits(0), megabits(null)]).to.deep.equal(['39.80', '0.00', '-']);
    expect([percent(0), percent(0.0012), percent(0.25), percent(1)]).to.deep.equal([
      '0.0%',
      '0.12%',
      '25.0%',
      '100.0%',
    ]);
  });

  it('is in the largest unit that it fills', () => {
    expect([0, 999, 1000, 999_949, 999_950, 1_500_000, 2e15].map(bytes)).to.deep.equal([
      ...['0 B', '999 B', '1.0 kB', '999.9 kB', '1.0 MB', '1.5 MB', '2.0 PB'],
    ]);
    expect([0, 1_550_000, 59_940_000, 60e6, 3723e6, 90_000e6].map(span)).to.deep.equal([
      ...['0.0s', '1.6s', '59.9s', '1m 0s', '1h 2m', '1d 1h'],
    ]);
  });
});
