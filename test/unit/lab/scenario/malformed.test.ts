import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseScenario } from '../../../../lab/scenario/read.js';
import { DocumentError } from '../../../../src/document/error.js';

/** Each X.yaml with X.txt, the whole text that its author gets to see (UPDATE_GOLDEN=1 writes it again). */
const DIRECTORY = new URL('malformed/', import.meta.url);
const LINES_OF_A_SCREEN = 25;

describe('a malformed scenario', () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'))) {
    it(`is refused with its place, what is wrong and what is allowed: ${file}`, async () => {
      const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
      const golden = new URL(file.replace('.yaml', '.txt'), DIRECTORY);
      const message = await parseScenario(text, file).then(
        () => '',
        (error: unknown) => {
          if (!(error instanceof DocumentError)) throw error;
          return error.message;
        },
      );
      if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, `${message}\n`);
      expect(`${message}\n`, relative(process.cwd(), fileURLToPath(golden))).to.equal(readFileSync(golden, 'utf8'));
      expect(message).to.not.equal('');
      expect(message.split('\n')).to.have.length.below(LINES_OF_A_SCREEN);
    });
  }
});
