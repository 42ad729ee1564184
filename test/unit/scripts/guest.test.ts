import { expect } from 'chai';
import { moduleFiles } from '../../../scripts/setup/guest.mjs';
import { TemporaryFolder } from './temporary-folder.js';

describe('modules of the virtual machine’s kernel', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
    // As depmod(8) writes it: what a module needs, the last first to be loaded.
    folder.write(
      'modules.dep',
      [
        'kernel/virtio/pci.ko: kernel/virtio/modern.ko kernel/virtio/core.ko kernel/virtio/ring.ko',
        'kernel/virtio/core.ko: kernel/virtio/ring.ko',
        'kernel/virtio/ring.ko:',
        'kernel/virtio/modern.ko:',
        'kernel/fs/overlay.ko:',
        '',
      ].join('\n'),
    );
  });
  afterEach(() => folder[Symbol.dispose]());

  it('come after all that they need, and once', () => {
    const names = moduleFiles(folder.path, ['pci', 'core', 'overlay']).map((path) => path.split('/').at(-1));
    expect(names).to.deep.equal(['ring.ko', 'core.ko', 'modern.ko', 'pci.ko', 'overlay.ko']);
  });

  it('that the kernel has not are named', () => {
    expect(() => moduleFiles(folder.path, ['no-such'])).to.throw('no module no-such');
  });
});
