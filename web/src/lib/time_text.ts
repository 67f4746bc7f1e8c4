const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/* How long something has lasted, for people: "just started", "12 min", "1 h 05 min". */
export function durationText(ms: number): string {
  if (ms < minuteMs) return 'just started';
  const hours = Math.floor(ms / hourMs);
  const minutes = Math.floor((ms % hourMs) / minuteMs);
  return hours === 0 ? `${minutes} min` : `${hours} h ${String(minutes).padStart(2, '0')} min`;
}

/* Behind the source, as the badge shows it: tenths below ten seconds. */
export function latencyText(seconds: number): string {
  const shown = Math.max(0, seconds);
  return shown < 10 ? `${shown.toFixed(1)} s` : `${Math.round(shown)} s`;
}
