/**
 * The process that outlives a lab's owner: `node reaper.js LAB`. Its standard input is a pipe whose other end only the owner holds;
 * the pipe's end is the owner's, however that came about.
 */
import { backendOf } from '../backend/backends.js';
import { LabError } from '../error.js';
import { takeDown } from './down.js';

const [lab = ''] = process.argv.slice(2);

// Whoever ends the lab ends this process too; a terminal's signals are the owner's business.
process.stdin.on('end', async () => {
  try {
    await takeDown(lab, backendOf);
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'E_LAB_UNKNOWN') throw error;
  }
});
process.stdin.resume();
