/** `2026-11-24T06:12:34.123Z info  path is live  path=3 rttUs=5012`: one line of JSON for human readers. */
export function logLine(json: string): string {
  const { time, level, event, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  return `${[`${time} ${String(level).padEnd(5)} ${event}`, ...rest].join(' ')}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  // Quoted where it would not read as one word; quoting escapes control characters too.
  return value !== '' && !/[\s"=\p{C}]/u.test(value) ? value : JSON.stringify(value);
}
