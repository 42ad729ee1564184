/** Metrics in the JSON that a command prints. Pure. */

/** What a name in a claim cannot hold. */
const NO_NAME = /[^\w-]+/g;

/** The number of each key, of nested maps with the keys joined by "."; true and false count as 1 and 0, all else is left out. */
export function metricsIn(json: unknown): Record<string, number> {
  const metrics: Record<string, number> = {};
  const visit = (value: unknown, name: string): void => {
    if (typeof value === 'number' || typeof value === 'boolean') metrics[name] = Number(value);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, part] of Object.entries(value)) {
        const word = key.replace(NO_NAME, '_').replace(/^(?=[\d-])/, '_');
        visit(part, name === '' ? word : `${name}.${word}`);
      }
    }
  };
  if (typeof json === 'object') visit(json, '');
  return metrics;
}
