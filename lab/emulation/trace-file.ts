/** Reads the text of a trace: mahimahi's (a number of milliseconds a line) or CSV with a heading (time,rate,delay). */
import { duration, rate } from '../../src/document/quantity.js';
import type { OpportunityTrace, RateTrace, RateTraceRow, Trace } from './trace.js';

/** What is wrong with a trace; `line` counts from 1. */
export class TraceError extends Error {
  override readonly name = 'TraceError';

  constructor(
    readonly line: number,
    message: string,
  ) {
    super(`line ${line}: ${message}`);
  }
}

/** Throws TraceError. Empty lines and lines that start with # are skipped. */
export function parseTrace(text: string): Trace {
  const lines = text
    .split(/\r?\n/)
    .map((content, index): Line => ({ number: index + 1, text: content.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
  const [first, ...rest] = lines;
  if (first === undefined) throw new TraceError(1, 'the trace is empty');
  return /^\d/.test(first.text) ? opportunities(lines) : rates(first, rest);
}

interface Line {
  readonly number: number;
  readonly text: string;
}

function opportunities(lines: readonly Line[]): OpportunityTrace {
  let last = 0;
  const timesUs = lines.map(({ number, text }) => {
    if (!/^\d+$/.test(text)) throw new TraceError(number, `${JSON.stringify(text)} is not a whole number of ms`);
    const ms = Number(text);
    if (ms < last) throw new TraceError(number, `${ms} ms comes after ${last} ms; times must not go back`);
    last = ms;
    return ms * 1000;
  });
  if (last === 0) throw new TraceError(lines.length, 'the trace has no length: its last time is 0 ms');
  return { kind: 'opportunities', timesUs };
}

const COLUMNS = ['time', 'rate', 'delay'] as const;
type Column = (typeof COLUMNS)[number];

function rates(heading: Line, lines: readonly Line[]): RateTrace {
  const columns = heading.text.split(',').map((cell) => column(heading, cell.trim()));
  const names = columns.map(({ name }) => name);
  for (const needed of ['time', 'rate'] as const) {
    if (!names.includes(needed)) throw new TraceError(heading.number, `the heading has no column "${needed}"`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TraceError(heading.number, `the heading has column "${twice}" twice`);

  const rows: RateTraceRow[] = [];
  let periodUs: number | null = null;
  for (const line of lines) {
    if (periodUs !== null)
      throw new TraceError(line.number, 'comes after the row without a rate, which ends the trace');
    const row = rowOf(line, columns);
    const previous = rows[rows.length - 1];
    if (previous === undefined && row.timeUs !== 0) throw new TraceError(line.number, 'the first time must be 0');
    if (previous !== undefined && row.timeUs <= previous.timeUs) {
      throw new TraceError(line.number, 'times must increase from row to row');
    }
    if (row.rateBps === null) periodUs = row.timeUs;
    else rows.push({ timeUs: row.timeUs, rateBps: row.rateBps, delayUs: row.delayUs });
  }
  if (!rows.some(({ rateBps }) => rateBps > 0)) {
    throw new TraceError(heading.number, 'the trace has no row with a rate above 0');
  }
  return { kind: 'rates', rows, periodUs };
}

interface TraceColumn {
  readonly name: Column;
  /** What its numbers count; null: each value has its unit. */
  readonly unit: string | null;
}

/** "rate", or "rate_kbit" for numbers without units. */
function column({ number }: Line, text: string): TraceColumn {
  const [, name = '', unit = null] = /^([a-z]+)(?:_([a-z]+))?$/.exec(text) ?? [];
  const known = COLUMNS.find((own) => own === name);
  if (known === undefined) {
    throw new TraceError(
      number,
      `${JSON.stringify(text)} is no column; allowed: time, rate, delay, each with its unit after "_" or in each value`,
    );
  }
  return { name: known, unit };
}

interface PartialRow {
  readonly timeUs: number;
  readonly rateBps: number | null;
  readonly delayUs: number;
}

function rowOf(line: Line, columns: readonly TraceColumn[]): PartialRow {
  const cells = line.text.split(',').map((cell) => cell.trim());
  if (cells.length > columns.length) {
    throw new TraceError(line.number, `has ${cells.length} values, the heading ${columns.length}`);
  }
  const value = (name: Column): number | null => {
    const index = columns.findIndex((own) => own.name === name);
    const cell = index === -1 ? '' : (cells[index] ?? '');
    if (cell === '') return null;
    const unit = columns[index]?.unit ?? '';
    const result = (name === 'rate' ? rate : duration).safeParse(`${cell}${unit}`);
    if (result.success) return result.data;
    throw new TraceError(line.number, `${name}: ${result.error.issues.map(({ message }) => message).join('; ')}`);
  };
  const timeUs = value('time');
  if (timeUs === null) throw new TraceError(line.number, 'has no time');
  return { timeUs, rateBps: value('rate'), delayUs: value('delay') ?? 0 };
}
