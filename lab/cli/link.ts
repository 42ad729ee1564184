import type { Command } from 'commander';
import { LabError } from '../error.js';
import type { LinkChange } from '../lab.js';
import { Lab } from '../running/lab.js';
import { changeOf, LINK_SETTINGS, type LinkSetting } from '../running/link-change.js';

export function registerLink(program: Command): void {
  const link = program.command('link').description('change the links of a running lab');
  link
    .command('restart')
    .description(
      'start the relay again, dead or alive: links as they are set, queues empty, seeds and traces at their start',
    )
    .argument('<lab>')
    .action((lab: string) => Lab.open(lab).restartRelay());
  link
    .command('set')
    .description('what is left out stays as it is')
    .argument('<lab>')
    .argument('<link>')
    .argument(
      '<setting...>',
      'carrier=down [at=NODE], carrier=up, rate=10mbit, limit=50ms, delay=20ms, loss=1% ... [from=NODE]',
    )
    .action((lab: string, name: string, words: string[]) => Lab.open(lab).link(name).set(changeIn(words)));
}

/** Throws LabError (E_LAB_LINK). */
function changeIn(words: readonly string[]): LinkChange {
  const settings: Partial<Record<LinkSetting, unknown>> = {};
  for (const word of words) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (!(key in LINK_SETTINGS)) {
      throw refusal(`${JSON.stringify(word)} is no setting; allowed: ${Object.keys(LINK_SETTINGS).join('=, ')}=`);
    }
    settings[key as LinkSetting] = settingValue(key as LinkSetting, value);
  }
  return changeOf(settings);
}

function settingValue(key: LinkSetting, text: string): unknown {
  const result = LINK_SETTINGS[key].safeParse(text);
  if (result.success) return result.data;
  throw refusal(`${key}=${text}: ${result.error.issues.map(({ message }) => message).join('; ')}`);
}

function refusal(message: string): LabError {
  return new LabError('E_LAB_LINK', message);
}
