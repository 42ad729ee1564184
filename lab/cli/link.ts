import type { Command } from 'commander';
import { z } from 'zod';
import { rate } from '../../src/document/quantity.js';
import { Lab, LabError, type LinkChange } from '../lab.js';
import { queueLimit } from '../topology/schema.js';

const settings = {
  carrier: z.enum(['up', 'down']),
  at: z.string(),
  rate,
  limit: queueLimit,
  from: z.string(),
};

export function registerLink(program: Command): void {
  program
    .command('link')
    .description('change a link of a running lab')
    .command('set')
    .description('what is left out stays as it is')
    .argument('<lab>')
    .argument('<link>')
    .argument('<setting...>', 'carrier=down [at=NODE], carrier=up, rate=10mbit, limit=50ms [from=NODE]')
    .action((lab: string, link: string, words: string[]) => Lab.open(lab).link(link).set(changeOf(words)));
}

/** Throws LabError (E_LAB_LINK). */
function changeOf(words: readonly string[]): LinkChange {
  const change: { -readonly [K in keyof LinkChange]: LinkChange[K] } = {};
  for (const word of words) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    switch (key) {
      case 'carrier':
        change.carrier = settingOf('carrier', value);
        break;
      case 'at':
        change.at = settingOf('at', value);
        break;
      case 'rate':
        change.rateBps = settingOf('rate', value);
        break;
      case 'limit':
        change.limit = settingOf('limit', value);
        break;
      case 'from':
        change.from = settingOf('from', value);
        break;
      default:
        throw refusal(`${JSON.stringify(word)} is no setting; allowed: ${Object.keys(settings).join('=, ')}=`);
    }
  }
  return change;
}

function settingOf<K extends keyof typeof settings>(key: K, text: string): z.output<(typeof settings)[K]> {
  const result = settings[key].safeParse(text);
  if (result.success) return result.data as z.output<(typeof settings)[K]>;
  throw refusal(`${key}=${text}: ${result.error.issues.map(({ message }) => message).join('; ')}`);
}

function refusal(message: string): LabError {
  return new LabError('E_LAB_LINK', message);
}
