import type { Command } from 'commander';
import { z } from 'zod';
import { percent, rate } from '../../src/document/quantity.js';
import { Lab, LabError, type LinkChange } from '../lab.js';
import { linkDelay, linkLoss, queueLimit } from '../topology/schema.js';

const settings = {
  carrier: z.enum(['up', 'down']),
  at: z.string(),
  rate,
  limit: queueLimit,
  delay: linkDelay,
  jitter: linkDelay,
  loss: linkLoss,
  reorder: percent,
  duplicate: percent,
  from: z.string(),
};

/** Which part of a change each setting is. */
const FIELDS = {
  carrier: 'carrier',
  at: 'at',
  rate: 'rateBps',
  limit: 'limit',
  delay: 'delayUs',
  jitter: 'jitterUs',
  loss: 'loss',
  reorder: 'reorder',
  duplicate: 'duplicate',
  from: 'from',
} as const satisfies Record<keyof typeof settings, keyof LinkChange>;

export function registerLink(program: Command): void {
  program
    .command('link')
    .description('change a link of a running lab')
    .command('set')
    .description('what is left out stays as it is')
    .argument('<lab>')
    .argument('<link>')
    .argument(
      '<setting...>',
      'carrier=down [at=NODE], carrier=up, rate=10mbit, limit=50ms, delay=20ms, loss=1% ... [from=NODE]',
    )
    .action((lab: string, link: string, words: string[]) => Lab.open(lab).link(link).set(changeOf(words)));
}

/** Throws LabError (E_LAB_LINK). */
function changeOf(words: readonly string[]): LinkChange {
  const change: Record<string, unknown> = {};
  for (const word of words) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (!(key in settings)) {
      throw refusal(`${JSON.stringify(word)} is no setting; allowed: ${Object.keys(settings).join('=, ')}=`);
    }
    change[FIELDS[key as keyof typeof settings]] = settingOf(key as keyof typeof settings, value);
  }
  return change;
}

function settingOf(key: keyof typeof settings, text: string): unknown {
  const result = settings[key].safeParse(text);
  if (result.success) return result.data;
  throw refusal(`${key}=${text}: ${result.error.issues.map(({ message }) => message).join('; ')}`);
}

function refusal(message: string): LabError {
  return new LabError('E_LAB_LINK', message);
}
