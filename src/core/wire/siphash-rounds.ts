/**
 * The compression function and finalization of SipHash-2-4 as a WebAssembly function. JavaScript has no 64-bit integers that do not allocate, and
 * the same in 32-bit halves takes four times as long. The module is put together here, from one description of the round.
 *
 * Its memory: the state v0..v3 at 0, then the message blocks. WebAssembly memory is little endian, as SipHash is.
 */

/** The parts of WebAssembly's JavaScript interface (W3C) that are used; TypeScript knows them only together with the DOM. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: Record<string, unknown> };
};

/** Bytes of the state; where the message starts in the page of memory. */
export const STATE_BYTES = 32;

// Locals: the parameter, then a cursor and five 64-bit integers.
const END = 0;
const AT = 1;
const V = [2, 3, 4, 5] as const;
const M = 6;

// Opcodes (WebAssembly Core Specification 2.0, section 5.4).
const I32 = 0x7f;
const I64 = 0x7e;
const NO_RESULT = 0x40;
const LOOP = [0x03, NO_RESULT];
const BLOCK = [0x02, NO_RESULT];
const BRANCH = (depth: number) => [0x0c, depth];
const BRANCH_IF = (depth: number) => [0x0d, depth];
const CLOSE = [0x0b];
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const I32_GE_U = [0x4f];
const I32_ADD = [0x6a];
const I64_ADD = [0x7c];
const I64_XOR = [0x85];
const I64_ROTL = [0x89];
const i32Const = (value: number) => [0x41, ...signed(value)];
const i64Const = (value: number) => [0x42, ...signed(value)];
/** At the address on the stack plus `offset`; 3 = aligned to 8 bytes. */
const i64Load = (offset: number) => [0x29, 3, offset];
const i64Store = (offset: number) => [0x37, 3, offset];

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

function add(to: number, from: number): number[] {
  return [...get(V[to]), ...get(V[from]), ...I64_ADD, ...set(V[to])];
}

/** v[what] = rotl(v[what], bits) ^ v[by]. */
function rotateXor(what: number, bits: number, by: number): number[] {
  return [...get(V[what]), ...i64Const(bits), ...I64_ROTL, ...get(V[by]), ...I64_XOR, ...set(V[what])];
}

function rotate32(what: number): number[] {
  return [...get(V[what]), ...i64Const(32), ...I64_ROTL, ...set(V[what])];
}

/** One SipRound (paper, figure 2.1). */
const ROUND = [
  ...[...add(0, 1), ...rotateXor(1, 13, 0), ...rotate32(0)],
  ...[...add(2, 3), ...rotateXor(3, 16, 2)],
  ...[...add(0, 3), ...rotateXor(3, 21, 0)],
  ...[...add(2, 1), ...rotateXor(1, 17, 2), ...rotate32(2)],
];

function xorMessage(into: number): number[] {
  return [...get(V[into]), ...get(M), ...I64_XOR, ...set(V[into])];
}

const BLOCKS = [
  ...[...i32Const(STATE_BYTES), ...set(AT)],
  ...[...BLOCK, ...LOOP],
  ...[...get(AT), ...get(END), ...I32_GE_U, ...BRANCH_IF(1)],
  ...[...get(AT), ...i64Load(0), ...set(M)],
  ...[...xorMessage(3), ...ROUND, ...ROUND, ...xorMessage(0)],
  ...[...get(AT), ...i32Const(8), ...I32_ADD, ...set(AT), ...BRANCH(0)],
  ...[...CLOSE, ...CLOSE],
];

const FINALIZATION = [
  ...[...get(V[2]), ...i64Const(0xff), ...I64_XOR, ...set(V[2])],
  ...[...ROUND, ...ROUND, ...ROUND, ...ROUND],
  ...[...get(V[0]), ...get(V[1]), ...I64_XOR, ...get(V[2]), ...I64_XOR, ...get(V[3]), ...I64_XOR, ...set(V[0])],
];

const BODY = [
  ...V.flatMap((local, i) => [...i32Const(0), ...i64Load(8 * i), ...set(local)]),
  ...BLOCKS,
  ...FINALIZATION,
  ...[...i32Const(0), ...get(V[0]), ...i64Store(0)],
  ...CLOSE,
];

/** Contents with their length in front. */
function sized(contents: readonly number[]): number[] {
  return [...unsigned(contents.length), ...contents];
}

const name = (text: string) => sized([...text].map((letter) => letter.charCodeAt(0)));

/** Groups of locals behind the parameters: one i32, five i64. */
const LOCALS = [2, 1, I32, 5, I64];

const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // Types: (i32) -> (). Functions: one of it. Memories: one page.
  ...[1, ...sized([1, 0x60, 1, I32, 0])],
  ...[3, ...sized([1, 0])],
  ...[5, ...sized([1, 1, 1, 1])],
  ...[7, ...sized([2, ...name('memory'), 2, 0, ...name('hash'), 0, 0])],
  ...[10, ...sized([1, ...sized([...LOCALS, ...BODY])])],
]);

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE));

export const memory = exports.memory as { readonly buffer: ArrayBuffer };

/**
 * Works the blocks from STATE_BYTES to `end` (bytes, a multiple of 8) and the closing rounds into the state at 0. The tag takes the
 * place of v0.
 */
export const hash = exports.hash as (end: number) => void;
