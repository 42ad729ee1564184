/** struct msghdr, mmsghdr and cmsghdr as x86-64 and arm64 lay them out. */

/** Offsets within struct msghdr (56 bytes); pointers and lengths are 64 bits. */
export const msghdr = {
  name: 0,
  nameBytes: 8,
  vectors: 16,
  vectorCount: 24,
  control: 32,
  controlBytes: 40,
  flags: 48,
} as const;
export const MSGHDR_BYTES = 56;

/** struct mmsghdr: a msghdr, the bytes received, padding. */
export const mmsghdr = { bytes: 56 } as const;
export const MMSGHDR_BYTES = 64;

/** Offsets within struct cmsghdr; data follows, and all is padded to 8 bytes. */
export const cmsghdr = { bytes: 0, level: 8, type: 12, data: 16 } as const;

/** Bytes of a control message with its padding (CMSG_SPACE). */
export function controlSpace(dataBytes: number): number {
  return cmsghdr.data + Math.ceil(dataBytes / 8) * 8;
}

/** Lays out the header of a control message at `at` (CMSG_LEN counts no padding). `u32` are the words of the same memory. */
export function writeControlHeader(u32: Uint32Array, at: number, level: number, type: number, dataBytes: number): void {
  u32[(at + cmsghdr.bytes) >>> 2] = cmsghdr.data + dataBytes;
  u32[((at + cmsghdr.bytes) >>> 2) + 1] = 0;
  u32[(at + cmsghdr.level) >>> 2] = level;
  u32[(at + cmsghdr.type) >>> 2] = type;
}

/** Offset of the data of the first control message of this level and type in `bytes` bytes at `at`, or -1. */
export function findControl(u32: Uint32Array, at: number, bytes: number, level: number, type: number): number {
  for (let next = at, end = at + bytes; next + cmsghdr.data <= end; ) {
    const length = u32[(next + cmsghdr.bytes) >>> 2];
    if (length < cmsghdr.data) return -1;
    if (u32[(next + cmsghdr.level) >>> 2] === level && u32[(next + cmsghdr.type) >>> 2] === type) {
      return next + cmsghdr.data;
    }
    next += controlSpace(length - cmsghdr.data);
  }
  return -1;
}
