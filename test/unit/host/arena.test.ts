import { expect } from 'chai';
import { Arena } from '../../../src/host/arena.js';
import { check, close, eventfd, NULL, read, write } from '../../../src/host/syscall/libc.js';
import { SystemError } from '../../../src/host/syscall/system-error.js';

describe('arena', () => {
  it('lies page-aligned within one 4 GB range', () => {
    using arena = Arena.allocate(5_000_000);
    const last = arena.address + arena.memory.bytes.length - 1;
    expect(arena.address % 4096).to.equal(0);
    expect(Math.floor(arena.address / 2 ** 32)).to.equal(Math.floor(last / 2 ** 32));
    expect(arena.highWord * 2 ** 32 + arena.lowWord(4_999_999)).to.equal(arena.address + 4_999_999);
  });

  it('shows the kernel and JavaScript the same bytes', () => {
    using arena = Arena.allocate(4096);
    const at = arena.memory.allocate(8);
    const fd = check(eventfd(0, 0), 'eventfd');
    try {
      arena.u32[at >>> 2] = 77;
      check(write(fd, arena.address + at, 8), 'write');
      arena.memory.bytes.fill(0);
      check(read(fd, arena.address + at, 8), 'read');
      expect(arena.memory.bytes[at]).to.equal(77);
    } finally {
      close(fd);
    }
  });

  it('is empty once disposed of', () => {
    const arena = Arena.allocate(4096);
    arena[Symbol.dispose]();
    arena[Symbol.dispose]();
    expect(arena.memory.bytes.length).to.equal(0);
    expect(arena.u32.length).to.equal(0);
  });
});

describe('system calls', () => {
  for (const address of [Number.NaN, 0.5, -1, NULL, 2 ** 60, undefined as unknown as number]) {
    it(`refuse ${address} as an address`, () => {
      expect(() => read(0, address, 1)).to.throw(RangeError, 'not an address');
    });
  }

  it('fail with the call, the number and the name of the error', () => {
    expect(() => check(close(-1), 'close nothing'))
      .to.throw(SystemError, 'close nothing: bad file descriptor (EBADF)')
      .that.includes({ code: 'E_SYSTEM', errno: 9, errnoName: 'EBADF', syscall: 'close nothing' });
  });
});
