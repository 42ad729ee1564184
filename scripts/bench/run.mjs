// Runs with tsx loaded, so that benches are TypeScript: bench/<name>.bench.ts. Started by scripts/bench.mjs.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT } from '../setup.mjs';
import { measure, table } from './bench.mjs';

const FOLDER = join(ROOT, 'bench');
const FILE = /\.bench\.ts$/;

const names = existsSync(FOLDER)
  ? readdirSync(FOLDER)
      .filter((name) => FILE.test(name))
      .map((name) => name.replace(FILE, ''))
      .sort()
  : [];
const USAGE = `npm run bench -- [name]... [options]
  name             ${names.join(', ')}; none = all
      --rounds N   measurements of each case
      --json       results as JSON on stdout`;

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { values: options, positionals: wanted } = parse();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const rounds = options.rounds === undefined ? undefined : Number(options.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  console.error(`--rounds ${options.rounds}: a whole number above 0 is needed`);
  process.exit(2);
}

const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0 || names.length === 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${names.join(', ') || 'none'}`);
  process.exit(2);
}

/** @type {Record<string, object>} */
const document = {};
for (const name of wanted.length > 0 ? wanted : names) {
  /** @type {import('./bench.mjs').Bench} */
  const bench = (await import(pathToFileURL(join(FOLDER, `${name}.bench.ts`)).href)).default;
  console.error(`${name}: ${bench.title}`);
  const results = await measure(bench, {
    ...(rounds === undefined ? {} : { rounds }),
    onMeasured: (caseName, round, value) => console.error(`  round ${round}: ${caseName} ${value} ${bench.unit}`),
  });
  document[name] = { title: bench.title, unit: bench.unit, better: bench.better, peer: bench.peer, cases: results };
  if (!options.json) console.log(`\n${name} (${bench.better} is better)\n${table(bench, results).join('\n')}\n`);
}
if (options.json) console.log(JSON.stringify(document, null, 2));
