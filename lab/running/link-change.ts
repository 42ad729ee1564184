/** Changes of links as documents and the command line write them: `{ carrier: down, at: b }`, `{ rate: 10mbit, from: a }`. */
import { z } from 'zod';
import { percent } from '../../src/document/quantity.js';
import { limitText, lossText, rateText, shareText } from '../plan/tree.js';
import { linkDelay, linkLoss, linkRate, queueLimit } from '../topology/schema.js';
import type { LinkChange } from './link.js';

/** What may be set, by the words of topologies. */
export const LINK_SETTINGS = {
  carrier: z.enum(['up', 'down']),
  at: z.string(),
  rate: linkRate,
  limit: queueLimit,
  delay: linkDelay,
  jitter: linkDelay,
  loss: linkLoss,
  reorder: percent,
  duplicate: percent,
  trace: z.string(),
  from: z.string(),
};
export type LinkSetting = keyof typeof LINK_SETTINGS;

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
  trace: 'trace',
  from: 'from',
} as const satisfies Record<LinkSetting, keyof LinkChange>;

/** A change by its settings, each as its schema in LINK_SETTINGS gives it. */
export function changeOf(settings: Readonly<Partial<Record<LinkSetting, unknown>>>): LinkChange {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [FIELDS[key as LinkSetting], value]));
}

/** The settings that a change has, by the words of topologies. */
export function settingsIn(change: LinkChange): LinkSetting[] {
  return (Object.keys(FIELDS) as LinkSetting[]).filter((key) => change[FIELDS[key]] !== undefined);
}

/** For people: "carrier=down at=a", "rate=5mbit delay=20ms from=b". */
export function changeText(change: LinkChange): string {
  const { rateBps, limit, delayUs, jitterUs, loss, reorder, duplicate } = change;
  const texts: Partial<Record<LinkSetting, string>> = {
    ...(rateBps !== undefined && { rate: rateText(rateBps) }),
    ...(limit !== undefined && { limit: limitText(limit) }),
    ...(delayUs !== undefined && { delay: `${delayUs / 1000}ms` }),
    ...(jitterUs !== undefined && { jitter: `${jitterUs / 1000}ms` }),
    ...(loss !== undefined && { loss: loss === null ? '0%' : lossText(loss) }),
    ...(reorder !== undefined && { reorder: shareText(reorder) }),
    ...(duplicate !== undefined && { duplicate: shareText(duplicate) }),
  };
  return settingsIn(change)
    .map((key) => `${key}=${texts[key] ?? String(change[FIELDS[key]])}`)
    .join(' ');
}

export const linkChange = z
  .strictObject(LINK_SETTINGS)
  .partial()
  .transform((settings, context): LinkChange => {
    const change = changeOf(settings);
    if (Object.keys(change).length > 0 || context.issues.length > 0) return change;
    context.addIssue({ code: 'custom', message: 'changes nothing; for example { carrier: down }', input: change });
    return z.NEVER;
  });
