// Makes the traces of lab/topologies/phone.yaml: `node scripts/traces.mjs`. Drawn from a seed, not recorded: rates and delays have the means that
// the paper measured for its phone (section 5.6: WiFi 4.5 Mbit/s and a round trip of 76.2 ms, cellular 4.3 Mbit/s and 155.9 ms), and vary as such links do.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain } from './process/main.mjs';
import { ROOT } from './setup.mjs';

/**
 * @typedef {object} Radio
 * @property {string} file
 * @property {string} about First line of the file.
 * @property {number} seed
 * @property {number} meanKbit Mean rate.
 * @property {number} spread Standard deviation of the logarithm of the rate.
 * @property {number} memory Correlation of one step with the next.
 * @property {number} dips Share of steps at which a dip starts (somebody else has the channel, or a cell is changed).
 * @property {number} dipTo Share of the rate that a dip leaves.
 * @property {number} meanDelayUs Mean of the delay that comes on top of the link's own.
 */

const STEP_MS = 100;
const STEPS = 300;
const DIP_STEPS = 2;

/** @type {readonly Radio[]} */
const RADIOS = [
  radio('wifi-down', 11, { meanKbit: 4500, spread: 0.15, memory: 0.8, dips: 0.02, dipTo: 0.4, meanDelayUs: 8100 }),
  radio('wifi-up', 12, { meanKbit: 4500, spread: 0.15, memory: 0.8, dips: 0.02, dipTo: 0.4, meanDelayUs: 8100 }),
  radio('lte-down', 21, { meanKbit: 4300, spread: 0.3, memory: 0.9, dips: 0.01, dipTo: 0.1, meanDelayUs: 17950 }),
  radio('lte-up', 22, { meanKbit: 4300, spread: 0.3, memory: 0.9, dips: 0.01, dipTo: 0.1, meanDelayUs: 17950 }),
];

/**
 * @param {string} name
 * @param {number} seed
 * @param {Omit<Radio, 'file' | 'about' | 'seed'>} figures
 * @returns {Radio}
 */
function radio(name, seed, figures) {
  const about = `made by scripts/traces.mjs (seed ${seed}): ${figures.meanKbit} kbit/s and ${figures.meanDelayUs} us on average`;
  return { file: `${name}.csv`, about, seed, ...figures };
}

/** Files by their names. @returns {Map<string, string>} */
export function traces() {
  return new Map(RADIOS.map((own) => [own.file, traceOf(own)]));
}

/** @param {Radio} radio */
function traceOf({ about, seed, meanKbit, spread, memory, dips, dipTo, meanDelayUs }) {
  const random = mulberry32(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  /** @type {number[]} */
  const rates = [];
  /** @type {number[]} */
  const delays = [];
  let level = gauss();
  let dip = 0;
  for (let step = 0; step < STEPS; step++) {
    level = memory * level + Math.sqrt(1 - memory * memory) * gauss();
    dip = random() < dips ? DIP_STEPS : Math.max(0, dip - 1);
    rates.push(Math.exp(spread * level) * (dip > 0 ? dipTo : 1));
    // A slow channel is one that packets wait longer for.
    delays.push(0.5 + 0.5 * random() + (dip > 0 ? 1 : 0) + Math.max(0, -0.3 * level));
  }
  const rows = rates.map((rate, i) => {
    const kbit = Math.round((rate * meanKbit) / mean(rates));
    const us = Math.round((delays[i] * meanDelayUs) / mean(delays));
    return `${i * STEP_MS},${kbit},${us}`;
  });
  return [`# ${about}`, 'time_ms,rate_kbit,delay_us', ...rows, `${STEPS * STEP_MS}`, ''].join('\n');
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Numbers from 0 to 1, the same for the same seed. @param {number} seed */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (isMain(import.meta.url)) {
  const folder = join(ROOT, 'lab', 'topologies', 'traces');
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of traces()) writeFileSync(join(folder, file), text);
}
