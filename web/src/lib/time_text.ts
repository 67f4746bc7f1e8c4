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

/* A moment of a recording: "0:07", "12:40", "1:02:40". */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${String(seconds % 60).padStart(2, '0')}`;
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, '0')}:${tail}`;
}

/* The milliseconds that somebody typed as "7", "0:07", "1:02:40" or "12:40.5"; null for what is no moment. */
export function parseClock(text: string): number | null {
  const match = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,5}(?:[.,]\d{1,3})?)$/.exec(text.trim());
  if (!match) return null;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(',', '.'))) * 1000);
}
