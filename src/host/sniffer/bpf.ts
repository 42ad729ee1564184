/**
 * Assembler for classic BPF (linux/filter.h; Documentation/networking/filter.rst), as much of it as filters of packets need. Jumps name
 * labels further on; a test without the second label goes on with the next instruction.
 */

export type BpfLine =
  /** Names the next instruction. */
  | { readonly label: string }
  | { readonly code: number; readonly k: number; readonly ifTrue?: string; readonly ifFalse?: string };

const BPF_LD = 0x00;
const BPF_LDX = 0x01;
const BPF_ALU = 0x04;
const BPF_JMP = 0x05;
const BPF_ST = 0x02;
const BPF_RET = 0x06;
const BPF_MISC = 0x07;
const BPF_W = 0x00;
const BPF_H = 0x08;
const BPF_B = 0x10;
const BPF_ABS = 0x20;
const BPF_IND = 0x40;
const BPF_MEM = 0x60;
const BPF_MSH = 0xa0;
const BPF_X = 0x08;
const BPF_ADD = 0x00;
const BPF_SUB = 0x10;
const BPF_AND = 0x50;
const BPF_LSH = 0x60;
const BPF_RSH = 0x70;
const BPF_TAX = 0x00;
const BPF_JEQ = 0x10;
const BPF_JSET = 0x40;

/** Offsets from here on are not the packet's bytes but what the kernel knows about it. */
const SKF_AD_OFF = 0xfffff000;

/** Offsets from here on count from the IP header, whatever link header is in front of it. */
export const NETWORK = 0xfff00000;

export const Ancillary = { PROTOCOL: 0, PACKET_TYPE: 4, INTERFACE: 8, RANDOM: 56 } as const;

export const label = (name: string): BpfLine => ({ label: name });

/** A = 1, 2 or 4 bytes of the packet at `offset`. */
export const loadByte = (offset: number): BpfLine => ({ code: BPF_LD | BPF_B | BPF_ABS, k: offset });
export const loadHalf = (offset: number): BpfLine => ({ code: BPF_LD | BPF_H | BPF_ABS, k: offset });
export const loadWord = (offset: number): BpfLine => ({ code: BPF_LD | BPF_W | BPF_ABS, k: offset });

/** The same at X + `offset`. */
export const loadByteIndexed = (offset: number): BpfLine => ({ code: BPF_LD | BPF_B | BPF_IND, k: offset });
export const loadHalfIndexed = (offset: number): BpfLine => ({ code: BPF_LD | BPF_H | BPF_IND, k: offset });

export const loadWordIndexed = (offset: number): BpfLine => ({ code: BPF_LD | BPF_W | BPF_IND, k: offset });

/** A = what the kernel knows: one of `Ancillary`. */
export const loadAncillary = (what: number): BpfLine => ({
  code: BPF_LD | BPF_W | BPF_ABS,
  k: SKF_AD_OFF + what,
});

/** X = 4 * (low 4 bits of the byte at `offset`): the length of an IPv4 header. */
export const loadHeaderLength = (offset: number): BpfLine => ({ code: BPF_LDX | BPF_B | BPF_MSH, k: offset });
/** X = a constant. */
export const loadIndex = (value: number): BpfLine => ({ code: BPF_LDX | BPF_W, k: value });

/** A = A & mask. */
export const and = (mask: number): BpfLine => ({ code: BPF_ALU | BPF_AND, k: mask });

export const add = (value: number): BpfLine => ({ code: BPF_ALU | BPF_ADD, k: value });
export const shiftLeft = (bits: number): BpfLine => ({ code: BPF_ALU | BPF_LSH, k: bits });
export const shiftRight = (bits: number): BpfLine => ({ code: BPF_ALU | BPF_RSH, k: bits });
/** A = A + X, A = A - X, X = A. */
export const addIndex: BpfLine = { code: BPF_ALU | BPF_ADD | BPF_X, k: 0 };
export const subtractIndex: BpfLine = { code: BPF_ALU | BPF_SUB | BPF_X, k: 0 };
export const setIndex: BpfLine = { code: BPF_MISC | BPF_TAX, k: 0 };
/** Keeps A in a register of its own (0 to 15), and gets it back. */
export const store = (register: number): BpfLine => ({ code: BPF_ST, k: register });
export const restore = (register: number): BpfLine => ({ code: BPF_LD | BPF_W | BPF_MEM, k: register });

function test(code: number, k: number, ifTrue?: string, ifFalse?: string): BpfLine {
  return { code, k, ...(ifTrue !== undefined && { ifTrue }), ...(ifFalse !== undefined && { ifFalse }) };
}

/** Whether A equals `value`. */
export const ifEqual = (value: number, ifTrue?: string, ifFalse?: string): BpfLine =>
  test(BPF_JMP | BPF_JEQ, value, ifTrue, ifFalse);
/** Whether A has any bit of `mask`. */
export const ifAnyBit = (mask: number, ifTrue?: string, ifFalse?: string): BpfLine =>
  test(BPF_JMP | BPF_JSET, mask, ifTrue, ifFalse);

/** Takes the first `bytes` bytes of the packet; 0 = drops it. */
export const accept = (bytes: number): BpfLine => ({ code: BPF_RET, k: bytes });
export const drop: BpfLine = accept(0);

const INSTRUCTION_BYTES = 8;
const instruction = { CODE: 0, IF_TRUE: 2, IF_FALSE: 3, K: 4 } as const;
/** A jump's distance is one byte. */
const LONGEST_JUMP = 255;

/** The program as an array of struct sock_filter. Throws RangeError for a label that is missing, behind or too far ahead. */
export function assemble(lines: readonly BpfLine[]): Buffer {
  const labels = new Map<string, number>();
  const instructions: Exclude<BpfLine, { label: string }>[] = [];
  for (const line of lines) {
    if ('label' in line) labels.set(line.label, instructions.length);
    else instructions.push(line);
  }
  const distance = (from: number, name: string | undefined): number => {
    if (name === undefined) return 0;
    const jump = (labels.get(name) ?? Number.NaN) - from - 1;
    if (jump >= 0 && jump <= LONGEST_JUMP) return jump;
    throw new RangeError(`label ${name} is not within ${LONGEST_JUMP} instructions after instruction ${from}`);
  };
  const program = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  for (const [i, { code, k, ifTrue, ifFalse }] of instructions.entries()) {
    const at = i * INSTRUCTION_BYTES;
    program.writeUInt16LE(code, at + instruction.CODE);
    program.writeUInt8(distance(i, ifTrue), at + instruction.IF_TRUE);
    program.writeUInt8(distance(i, ifFalse), at + instruction.IF_FALSE);
    program.writeUInt32LE(k, at + instruction.K);
  }
  return program;
}
