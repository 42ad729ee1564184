/** Measures links: `node main.js`, a CalibrationRequest as JSON on standard input, calibrations of its directions on standard output. */
import { text } from 'node:stream/consumers';
import { resetRelay } from '../client.js';
import { type CalibrationRequest, measure } from './measure.js';

const { directions, relay }: CalibrationRequest = JSON.parse(await text(process.stdin));
const originUs = relay === null ? 0 : await resetRelay(relay);
process.stdout.write(JSON.stringify(measure(directions, originUs)));
