/** Quantities for people; a dash where there is none yet. */
const NONE = '-';

/** Microseconds as milliseconds. */
export function milliseconds(us: number | null): string {
  return us === null ? NONE : (us / 1000).toFixed(2);
}

/** bit/s as Mbit/s. */
export function megabits(bps: number | null): string {
  return bps === null ? NONE : (bps / 1e6).toFixed(2);
}

/** A share of 1 as percent. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share !== 0 && share < 0.01 ? 2 : 1)}%`;
}

/** Bytes in the largest decimal unit. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = count;
  let unit = 0;
  // 999,950 B would read as 1000.0 kB.
  while (unit < units.length - 1 && value >= (unit === 0 ? 1000 : 999.95)) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Microseconds in the two largest units: "3d 4h", "5m 3s", "2.5s". */
export function span(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
