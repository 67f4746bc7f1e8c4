import type { PlayerState } from './player.ts';

/* A pause between two frames that nobody would call one. */
const noticedMs = 1200;

/* Turns a media element's events into a PlayerState. */
export class PlaybackState {
  #video: HTMLVideoElement;
  #changed: (state: PlayerState) => void;
  #state: PlayerState = 'starting';
  #noticing: ReturnType<typeof setTimeout> | null = null;
  #stands = false;
  #abort = new AbortController();

  constructor(video: HTMLVideoElement, changed: (state: PlayerState) => void) {
    this.#video = video;
    this.#changed = changed;
    const on = (name: string, listener: () => void): void =>
      video.addEventListener(name, listener, { signal: this.#abort.signal });
    on('playing', () => this.#moves());
    on('timeupdate', () => {
      if (!video.paused && !video.seeking && video.readyState > 2) this.#moves();
    });
    on('waiting', () => this.#notice());
    on('pause', () => {
      if (!video.ended && this.#isPaused && (this.#state === 'playing' || this.#state === 'waiting')) this.#set('paused');
    });
    on('ended', () => this.#set('finished'));
  }

  get state(): PlayerState {
    return this.#state;
  }

  /* A source was lost: the picture stands still before the element says so. */
  broken(): void {
    this.#notice();
  }

  /* No frames come, whatever the element says: at the very end of its buffer it may call itself playing. */
  standsStill(stands: boolean): void {
    if (stands && this.#state === 'playing' && !this.#video.paused) this.#set('waiting');
    this.#stands = stands;
  }

  destroy(): void {
    this.#abort.abort();
    if (this.#noticing !== null) clearTimeout(this.#noticing);
  }

  /* An element that failed may be paused without anybody having asked for it. */
  get #isPaused(): boolean {
    return this.#video.paused && this.#video.error === null;
  }

  #moves(): void {
    if (!this.#stands) this.#set('playing');
  }

  #notice(): void {
    if (this.#state === 'starting' || this.#isPaused || this.#noticing !== null) return;
    this.#noticing = setTimeout(() => {
      this.#noticing = null;
      if (!this.#isPaused && this.#video.readyState <= 2) this.#set('waiting');
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
