import { expect } from 'chai';
import fc from 'fast-check';
import { formatAddress } from '../../../src/core/address.js';
import { cmsghdr, controlSpace, findControl, writeControlHeader } from '../../../src/host/syscall/message-header.js';
import { readSocketAddress, SOCKADDR_BYTES, writeSocketAddress } from '../../../src/host/syscall/socket-address.js';

describe('socket address', () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 9 }), (bytes, port, at) => {
        const memory = new Uint8Array(SOCKADDR_BYTES + 10).fill(0xff);
        const endpoint = { address: formatAddress(bytes, 0, bytes.length), port };
        writeSocketAddress(memory, at, endpoint);
        expect(readSocketAddress(memory, at)).to.deep.equal(endpoint);
      }),
    );
  });

  it('is laid out as the kernel has it', () => {
    const memory = new Uint8Array(SOCKADDR_BYTES);
    expect(writeSocketAddress(memory, 0, { address: '10.1.2.3', port: 6747 })).to.equal(16);
    expect([...memory.subarray(0, 8)]).to.deep.equal([2, 0, 0x1a, 0x5b, 10, 1, 2, 3]);
    expect(writeSocketAddress(memory, 0, { address: 'fd00::1', port: 6747 })).to.equal(28);
    expect([...memory.subarray(0, 10)]).to.deep.equal([10, 0, 0x1a, 0x5b, 0, 0, 0, 0, 0xfd, 0]);
    expect(memory[23]).to.equal(1);
  });

  it('of another family is an error', () => {
    expect(() => readSocketAddress(Uint8Array.of(1, 0, 0, 0), 0)).to.throw(RangeError, 'family 1');
  });
});

describe('control messages', () => {
  const u32 = new Uint32Array(32);

  it('are found behind others, whose data is padded to 8 bytes', () => {
    writeControlHeader(u32, 0, 1, 29, 5);
    const second = controlSpace(5);
    writeControlHeader(u32, second, 17, 104, 4);
    expect(second).to.equal(24);
    expect(findControl(u32, 0, second + controlSpace(4), 17, 104)).to.equal(second + cmsghdr.data);
    expect(findControl(u32, 0, second, 17, 104)).to.equal(-1);
  });

  it('of impossible length end the search', () => {
    u32[0] = 3;
    expect(findControl(u32, 0, 64, 17, 104)).to.equal(-1);
  });
});
