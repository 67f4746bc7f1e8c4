import { withToken } from '../api/token.ts';

/* One small picture of a storyboard: a rectangle of a sheet, shown for a while of the recording. */
export interface Tile {
  startMs: number;
  endMs: number;
  sheet: string; /* address */
  x: number;
  y: number;
  width: number;
  height: number;
}

const cueTime = /^(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})\s+-->\s+(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})/;

function milliseconds(hours: string | undefined, minutes = '0', seconds = '0', thousandths = '0'): number {
  return ((Number(hours ?? 0) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(thousandths);
}

/* The tiles of a WebVTT file whose cues name `sheet.jpg#xywh=x,y,w,h`, as media fragments do. What makes no sense is left out. */
export function parseStoryboard(vtt: string, base: string): Tile[] {
  if (!/^\uFEFF?WEBVTT(\s|$)/.test(vtt)) return [];
  return vtt.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const at = lines.findIndex((line) => line.includes('-->'));
    const time = cueTime.exec(lines[at] ?? '');
    const named = /^(.+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(lines[at + 1]?.trim() ?? '');
    if (!time || !named) return [];
    const [startMs, endMs] = [milliseconds(time[1], time[2], time[3], time[4]), milliseconds(time[5], time[6], time[7], time[8])];
    const [x = 0, y = 0, width = 0, height = 0] = named.slice(2).map(Number);
    if (endMs <= startMs || width === 0 || height === 0) return [];
    return [{ startMs, endMs, sheet: new URL(named[1] ?? '', base).href, x, y, width, height }];
  });
}

/* The tile of a moment: the last one that has begun. */
export function tileAt(tiles: readonly Tile[], ms: number): Tile | null {
  let [low, high] = [0, tiles.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tiles[middle]?.startMs ?? 0) <= ms) low = middle;
    else high = middle - 1;
  }
  return tiles[low] ?? null;
}

const stamp = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

/* The same as WebVTT for the player's seek bar, its addresses whole. At most a day long. */
export function storyboardText(tiles: readonly Tile[]): string {
  const cues = tiles.map(({ startMs, endMs, sheet, x, y, width, height }) => `${stamp(startMs)} --> ${stamp(endMs)}\n${sheet}#xywh=${x},${y},${width},${height}\n`);
  return `WEBVTT\n\n${cues.join('\n')}`;
}

/* Empty when there is none (yet). */
export async function loadStoryboard(address: string, token: string | null): Promise<Tile[]> {
  try {
    const answer = await fetch(withToken(address, token));
    if (!answer.ok) return [];
    const tiles = parseStoryboard(await answer.text(), new URL(address, location.href).href);
    return tiles.map((tile) => ({ ...tile, sheet: withToken(tile.sheet, token) }));
  } catch {
    return [];
  }
}
