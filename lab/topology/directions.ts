/** What a file says about one direction of a link: its own keys, and the link's where it has none. */
import type { DocumentPath } from '../../src/document/positions.js';
import type { Report } from './report.js';
import type { DirectionDocument, LinkDocument } from './schema.js';
import type { Direction, Emulation } from './topology.js';

const EMULATED = ['delay', 'jitter', 'loss', 'reorder', 'duplicate', 'trace'] as const;
const KEYS = ['rate', 'limit', ...EMULATED] as const;
type Key = (typeof KEYS)[number];

/** A direction's own rate takes the place of the link's trace, and the other way round. */
export function settingsOf(link: LinkDocument, own: DirectionDocument | undefined): DirectionDocument {
  const settings: Record<string, unknown> = {};
  for (const key of KEYS) {
    const value = own?.[key] ?? link[key];
    if (value !== undefined) settings[key] = value;
  }
  if (own?.rate !== undefined && own.trace === undefined) delete settings.trace;
  if (own?.trace !== undefined && own.rate === undefined) delete settings.rate;
  return settings as DirectionDocument;
}

/** Reports settings that do not go together; `place` is where the file has a key. */
export function checkDirection(settings: DirectionDocument, report: Report, place: (key: Key) => DocumentPath): void {
  const { rate, trace, delay = 0, jitter = 0, reorder = 0 } = settings;
  if (rate !== undefined && trace !== undefined) {
    report(place('trace'), 'takes the place of a rate; this direction has both', 'key');
  }
  if (jitter > delay) {
    report(place('jitter'), 'is more than the delay that it varies: packets cannot arrive before they are sent');
  }
  if (reorder > 0 && delay === 0) {
    report(place('reorder'), 'has no effect without a delay: packets are reordered by skipping it');
  }
}

export function directionOf(settings: DirectionDocument): Direction {
  const emulated = EMULATED.some((key) => settings[key] !== undefined);
  return {
    rateBps: settings.rate ?? null,
    limit: settings.limit ?? null,
    emulation: emulated ? emulationOf(settings) : null,
  };
}

function emulationOf({ delay, jitter, loss, reorder, duplicate, trace }: DirectionDocument): Emulation {
  return {
    delayUs: delay ?? 0,
    jitterUs: jitter ?? 0,
    loss: loss ?? null,
    reorder: reorder ?? 0,
    duplicate: duplicate ?? 0,
    trace: trace ?? null,
  };
}
