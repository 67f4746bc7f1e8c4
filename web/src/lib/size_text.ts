const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/* Bytes for people, in the units that shops and systems count in: "640 kB", "1.2 GB". */
export function sizeText(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const shown = value < 9.95 && unit > 1 ? value.toFixed(1) : String(Math.round(value));
  return `${shown}\u00a0${units[unit] ?? ''}`;
}
