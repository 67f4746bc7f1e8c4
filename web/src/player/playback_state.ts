import type { PlayerState } from './player.ts';

/* A pause between two frames that nobody would call one. */
const noticedMs = 1200;

/* Turns a media element's events into a PlayerState. */
export class PlaybackState {
  #video: HTMLVideoElement;
  #changed: (state: PlayerState) => void;
  #state: PlayerState = 'starting';
  #noticing: ReturnType<typeof setTimeout> | null = null;
  #abort = new AbortController();

  constructor(video: HTMLVideoElement, changed: (state: PlayerState) => void) {
    this.#video = video;
    this.#changed = changed;
    const on = (name: string, listener: () => void): void =>
      video.addEventListener(name, listener, { signal: this.#abort.signal });
    on('playing', () => this.#set('playing'));
    on('timeupdate', () => {
      if (!video.paused && !video.seeking && video.readyState > 2) this.#set('playing');
    });
    on('waiting', () => this.#notice());
    on('pause', () => {
      if (!video.ended && this.#state === 'playing') this.#set('paused');
    });
    on('ended', () => this.#set('finished'));
  }

  get state(): PlayerState {
    return this.#state;
  }

  /* A source was lost: the picture stands still before the element says so. */
  broken(): void {
    if (this.#state === 'playing') this.#notice();
  }

  destroy(): void {
    this.#abort.abort();
    if (this.#noticing !== null) clearTimeout(this.#noticing);
  }

  #notice(): void {
    if (this.#state !== 'playing' || this.#noticing !== null) return;
    this.#noticing = setTimeout(() => {
      this.#noticing = null;
      if (!this.#video.paused && this.#video.readyState <= 2) this.#set('waiting');
    }, noticedMs);
  }

  #set(state: PlayerState): void {
    if (this.#noticing !== null && state !== 'waiting') {
      clearTimeout(this.#noticing);
      this.#noticing = null;
    }
    if (state === this.#state) return;
    this.#state = state;
    this.#changed(state);
  }
}
