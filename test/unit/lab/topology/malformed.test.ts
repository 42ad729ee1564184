import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseTopology } from '../../../../lab/lab.js';
import { DocumentError } from '../../../../src/document/error.js';

/** Each X.yaml with X.txt, the whole text that its author gets to see. */
const DIRECTORY = new URL('malformed/', import.meta.url);
const LINES_OF_A_SCREEN = 25;

describe('a malformed topology', () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))) {
    it(`is refused with its place, what is wrong and what is allowed: ${file}`, () => {
      const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
      const golden = readFileSync(new URL(file.replace('.yaml', '.txt'), DIRECTORY), 'utf8');
      let message = '';
      try {
        parseTopology(text, file);
      } catch (error) {
        if (!(error instanceof DocumentError)) throw error;
        message = error.message;
      }
      expect(`${message}\n`).to.equal(golden);
      expect(message.split('\n')).to.have.length.below(LINES_OF_A_SCREEN);
    });
  }
});
