import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makePlan, parseTopology } from '../../../../lab/lab.js';
import { LabDirectory, labNames, removeRemainders } from '../../../../lab/record/directory.js';
import { bootId, identify } from '../../../../lab/record/identity.js';
import type { LabRecord } from '../../../../lab/record/record.js';

const PLAN = makePlan(parseTopology('{ name: t, nodes: { a: { kind: host } } }', 't.yaml'));

function record(lab: string): LabRecord {
  return {
    version: 1,
    lab,
    topology: 't',
    backend: 'netns',
    state: 'making',
    created: '2026-01-01T00:00:00.000Z',
    boot: bootId(),
    owner: null,
    reaper: null,
    token: '0'.repeat(32),
    namespaces: [],
    processes: [],
  };
}

describe('the directory of a lab', () => {
  let parent: string;
  let state: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'mpip-directory-test-'));
    state = join(parent, 'labs');
    process.env.MPIP_LAB_STATE = state;
  });

  afterEach(() => {
    delete process.env.MPIP_LAB_STATE;
    rmSync(parent, { recursive: true });
  });

  it('holds the record and the plan for everybody who opens it', () => {
    LabDirectory.create(record('one'), PLAN);
    const opened = LabDirectory.open('one');
    expect(opened.record).to.deep.equal(record('one'));
    expect(opened.plan).to.deep.equal(PLAN);
    expect(existsSync(opened.of('a'))).to.equal(true);
  });

  it('is made once', () => {
    const first = LabDirectory.create(record('one'), PLAN);
    first.update(() => ({ state: 'up' }));
    expect(() => LabDirectory.create(record('one'), PLAN))
      .to.throw('exists already')
      .with.property('code', 'E_LAB_EXISTS');
    expect(LabDirectory.open('one').record.state).to.equal('up');
    expect(readdirSync(state)).to.deep.equal(['one']);
  });

  it('keeps what several processes change', () => {
    const mine = LabDirectory.create(record('one'), PLAN);
    const other = LabDirectory.open('one');
    mine.update(() => ({ state: 'up' }));
    other.update(() => ({ namespaces: [{ node: 'a', name: 'one-a', inode: 7 }] }));
    mine.update(() => ({ owner: { pid: 1, start: 2 } }));
    expect(LabDirectory.open('one').record).to.deep.include({
      state: 'up',
      namespaces: [{ node: 'a', name: 'one-a', inode: 7 }],
      owner: { pid: 1, start: 2 },
    });
  });

  it('vanishes as a whole, the state directory with the last one, and twice is not once more', () => {
    const one = LabDirectory.create(record('one'), PLAN);
    const two = LabDirectory.create(record('two'), PLAN);
    one.remove();
    one.remove();
    expect(labNames()).to.deep.equal(['two']);
    two.remove();
    expect(existsSync(state)).to.equal(false);
    expect(() => LabDirectory.open('two'))
      .to.throw('labs: none')
      .with.property('code', 'E_LAB_UNKNOWN');
  });

  it('tells its maker when somebody else took the lab down, and is not made anew by a change', () => {
    const mine = LabDirectory.create(record('one'), PLAN);
    LabDirectory.open('one').remove();
    const namespaces = [{ node: 'a', name: 'one-a', inode: 7 }];
    expect(() => mine.update(() => ({ namespaces })))
      .to.throw('taken down')
      .with.property('code', 'E_LAB_GONE');
    expect(mine.record.namespaces, 'what is to be removed all the same').to.deep.equal(namespaces);
    expect(existsSync(state)).to.equal(false);
  });

  it('is cleared of what makers and removers left that died, and of nothing else', () => {
    LabDirectory.create(record('one'), PLAN);
    const own = identify(process.pid);
    for (const name of [`.new-${own?.pid}-1-x`, '.gone-999999999-5-y', `.gone-${own?.pid}-${own?.start}-z`]) {
      mkdirSync(join(state, name));
      writeFileSync(join(state, name, 'record.json'), '{}');
    }
    removeRemainders();
    expect(readdirSync(state).sort()).to.deep.equal([`.gone-${own?.pid}-${own?.start}-z`, 'one']);
  });
});
