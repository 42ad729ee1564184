import type { Command } from 'commander';
import { parse } from 'yaml';
import { explainer } from '../../src/document/explain.js';
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
    .description('change what is named and nothing else, in both directions or that from a node')
    .argument('<lab>')
    .argument('<link>')
    .argument(
      '<setting...>',
      `carrier=down [at=NODE], carrier=up, rate=10mbit, limit=50ms, delay=20ms, jitter=5ms, loss=1%, loss='{ model: gilbert-elliott, mean: 2%, burst: 8 }', reorder=1%, duplicate=1%, trace=FILE [from=NODE]`,
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
  const explain = explainer();
  const result = LINK_SETTINGS[key].safeParse(inputOf(key, text), { error: explain.errorMap, reportInput: true });
  if (result.success) return result.data;
  const reasons = explain.findings(result.error.issues).map(({ path, message }) => [...path, message].join(': '));
  throw refusal(`${key}=${text}: ${reasons.join('; ')}`);
}

/** A map is written as in topologies. Throws LabError (E_LAB_LINK). */
function inputOf(key: LinkSetting, text: string): unknown {
  if (!text.startsWith('{')) return text;
  try {
    return parse(text);
  } catch (error) {
    throw refusal(`${key}=${text}: ${(error as Error).message.split('\n')[0]}`);
  }
}

function refusal(message: string): LabError {
  return new LabError('E_LAB_LINK', message);
}
