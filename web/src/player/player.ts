import type Hls from 'hls.js';

/* The address of playlists that reach back to the session's start. */
export function withPast(address: string): string {
  return `${address}${address.includes('?') ? '&' : '?'}dvr=1`;
}

/* `starting` until the first picture, `waiting` while it stands still and should not, `finished` when the playlist's end
 * was played. */
export type PlayerState = 'starting' | 'playing' | 'waiting' | 'paused' | 'finished' | 'unsupported';

export interface PlayerListener {
  /* A source was attached, for the first time or again after an error; the element is paused then. */
  sourceReady(): void;
  stateChanged(state: PlayerState): void;
  /* Something failed; whether the session still lasts is worth asking. */
  troubled(): void;
}

export interface Player {
  readonly hls: Hls | null;
  /* Wall-clock time of the picture on screen, UTC milliseconds. */
  pictureTimeMs(): number | null;
  /* Seconds behind the end of the playlist while it grows; null of a recording. */
  edgeLatency(): number | null;
  /* Height and width of the rendition on screen. */
  level(): { width: number; height: number } | null;
  /* True of a recording, and goLive() leaves it where it is. */
  isAtLiveEdge(): boolean;
  goLive(): void;
  /* Plays what was live at this moment (UTC milliseconds), and on from there, until goLive(). */
  goTo(timeMs: number): void;
  keepsToEdge(): boolean;
  /* The network is back: do not sit out a wait. */
  retryNow(): void;
  destroy(): void;
}
