/**
 * A measurement of several ways to do one thing, in one run on one machine, so that their ratios mean something.
 * A file bench/<name>.bench.ts exports one as its default.
 * @typedef {object} Bench
 * @property {string} title What is measured.
 * @property {string} unit Of the figures, such as Gbit/s or ns.
 * @property {'higher' | 'lower'} better
 * @property {string} peer The case that the others are compared with.
 * @property {Record<string, () => number | Promise<number>>} cases Each call is one measurement.
 * @property {number} [rounds] Measurements of each case; DEFAULT_ROUNDS without.
 * @property {() => void | Promise<void>} [before]
 * @property {() => void | Promise<void>} [after]
 */

/** @typedef {{ name: string, median: number, least: number, most: number, ratio: number }} CaseResult */

const DEFAULT_ROUNDS = 5;

/**
 * Measures the cases in turn, round by round, so that a drift of the machine meets all of them alike.
 * @param {Bench} bench
 * @param {{ rounds?: number, onMeasured?: (name: string, round: number, value: number) => void }} options
 * @returns {Promise<CaseResult[]>} In the order of the cases; `ratio` is above 1 where a case is better than the peer.
 * @throws {Error} The peer is none of the cases, or a measurement is not a positive number.
 */
export async function measure(bench, { rounds = bench.rounds ?? DEFAULT_ROUNDS, onMeasured = () => {} } = {}) {
  if (!Object.hasOwn(bench.cases, bench.peer)) throw new Error(`the peer ${bench.peer} is none of the cases`);
  /** @type {Map<string, number[]>} */
  const values = new Map(Object.keys(bench.cases).map((name) => [name, []]));
  try {
    await bench.before?.();
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, run] of Object.entries(bench.cases)) {
        const value = await run();
        if (!(value > 0 && Number.isFinite(value))) throw new Error(`${name} measured ${value}`);
        values.get(name)?.push(value);
        onMeasured(name, round, value);
      }
    }
  } finally {
    await bench.after?.();
  }
  const peer = median(values.get(bench.peer) ?? []);
  return [...values].map(([name, measured]) => {
    const middle = median(measured);
    return {
      name,
      median: middle,
      least: Math.min(...measured),
      most: Math.max(...measured),
      ratio: bench.better === 'higher' ? middle / peer : peer / middle,
    };
  });
}

/** @param {readonly number[]} values At least one. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * The results in columns: case, median, range, ratio to the peer (above 1 = better).
 * @param {Bench} bench
 * @param {readonly CaseResult[]} results
 * @returns {string[]}
 */
export function table(bench, results) {
  const rows = [
    ['case', `median ${bench.unit}`, 'least .. most', `ratio to ${bench.peer}`],
    ...results.map(({ name, median: middle, least, most, ratio }) => [
      name,
      figure(middle),
      `${figure(least)} .. ${figure(most)}`,
      name === bench.peer ? '1' : ratio.toFixed(2),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

/** @param {number} value */
function figure(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
