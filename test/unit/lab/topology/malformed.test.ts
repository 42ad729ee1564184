import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseTopology } from '../../../../lab/lab.js';
import { DocumentError } from '../../../../src/document/error.js';

/** Each X.yaml with X.txt, the whole text that its author gets to see (UPDATE_GOLDEN=1 writes it again). */
const DIRECTORY = new URL('malformed/', import.meta.url);
const LINES_OF_A_SCREEN = 25;

describe('a malformed topology', () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))) {
    it(`is refused with its place, what is wrong and what is allowed: ${file}`, () => {
      const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
      const golden = new URL(file.replace('.yaml', '.txt'), DIRECTORY);
      let message = '';
      try {
        parseTopology(text, file);
      } catch (error) {
        if (!(error instanceof DocumentError)) throw error;
        message = error.message;
      }
      if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, `${message}\n`);
      expect(`${message}\n`).to.equal(readFileSync(golden, 'utf8'));
      expect(message.split('\n')).to.have.length.below(LINES_OF_A_SCREEN);
    });
  }
});
