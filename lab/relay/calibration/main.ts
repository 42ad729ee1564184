/** Measures links: `node main.js`, a list of directions (Measured) as JSON on standard input, their calibrations on standard output. */
import { text } from 'node:stream/consumers';
import { type Measured, measure } from './measure.js';

const directions: Measured[] = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(measure(directions)));
