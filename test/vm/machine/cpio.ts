/** Archives that a Linux kernel unpacks as its first root (initramfs): "newc" of cpio(5). */

interface Entry {
  readonly name: string;
  /** Type and permissions, as in stat(2). */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Major and minor number of a device. */
  readonly device?: readonly [number, number];
}

const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const CHARACTER_DEVICE = 0o020600;
const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const ALIGNMENT = 4;

export function folder(name: string): Entry {
  return { name, mode: FOLDER };
}

export function program(name: string, content: Uint8Array): Entry {
  return { name, mode: PROGRAM, content };
}

export function characterDevice(name: string, major: number, minor: number): Entry {
  return { name, mode: CHARACTER_DEVICE, device: [major, minor] };
}

export function archive(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries, { name: TRAILER, mode: 0 }].flatMap((entry, index) => record(entry, index + 1)));
}

function record({ name, mode, content = new Uint8Array(), device = [0, 0] }: Entry, inode: number): Uint8Array[] {
  const path = Buffer.from(`${name}\0`);
  // inode, mode, owner, group, links, time, size, device of the file (2), device that it is (2), length of the name, checksum (unused)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, path.length, 0];
  const head = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
  return [head, path, padding(head.length + path.length), content, padding(content.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
