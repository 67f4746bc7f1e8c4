import { Recovery } from './recovery.ts';
import { bufferedAhead, progressMark } from './picture_progress.ts';
import { PlaybackState } from './playback_state.ts';
import { withPast, type Player, type PlayerListener } from './player.ts';
import { StallWatch } from './stall_watch.ts';

const tickMs = 500;
const edgeToleranceSeconds = 6;

export interface NativePlayerOptions {
  video: HTMLVideoElement;
  address(): string;
  startAt: number; /* seconds into a recording */
  listener: PlayerListener;
}

interface DatedVideo extends HTMLVideoElement {
  getStartDate?(): Date;
}

/* Plays through the browser's own HLS, where there is no Media Source Extensions. */
export class NativePlayer implements Player {
  readonly hls = null;
  #options: NativePlayerOptions;
  #playback: PlaybackState;
  #recovery = new Recovery();
  #stalls = new StallWatch();
  #tick: ReturnType<typeof setInterval>;
  #pending: ReturnType<typeof setTimeout> | null = null;
  #abort = new AbortController();
  #chosenMs: number | null = null; /* what the viewer chose to see, until it is sought */
  #keepsToEdge = true;
  #hasPast = false;
  #startAt: number; /* until it is sought */

  constructor(options: NativePlayerOptions) {
    this.#options = options;
    this.#startAt = options.startAt;
    this.#playback = new PlaybackState(options.video, (state) => {
      if (state === 'playing') this.#recovery.settled();
      options.listener.stateChanged(state);
    });
    const { signal } = this.#abort;
    /* The date may be known later than the length. */
    for (const loaded of ['loadedmetadata', 'loadeddata'] as const) options.video.addEventListener(loaded, () => this.#seekToChosen(), { signal });
    options.video.addEventListener('error', () => this.#failed(), { signal });
    options.video.addEventListener('play', () => this.#resume(), { signal });
    this.#load();
    this.#tick = setInterval(() => this.#watch(), tickMs);
  }

  pictureTimeMs(): number | null {
    const video: DatedVideo = this.#options.video;
    const startMs = video.getStartDate?.().getTime() ?? NaN;
    return Number.isFinite(startMs) ? startMs + video.currentTime * 1000 : null;
  }

  edgeLatency(): number | null {
    const { seekable, currentTime } = this.#options.video;
    return this.#isLive() && seekable.length > 0 ? Math.max(0, seekable.end(seekable.length - 1) - currentTime) : null;
  }

  level(): { width: number; height: number } | null {
    const { videoWidth: width, videoHeight: height } = this.#options.video;
    return width > 0 ? { width, height } : null;
  }

  isAtLiveEdge(): boolean {
    return (this.edgeLatency() ?? 0) < edgeToleranceSeconds;
  }

  keepsToEdge(): boolean {
    return this.#keepsToEdge;
  }

  goTo(timeMs: number): void {
    this.#chosenMs = timeMs;
    this.#keepsToEdge = false;
    if (this.#hasPast) {
      this.#seekToChosen();
      return;
    }
    this.#hasPast = true;
    this.#load();
  }

  goLive(): void {
    const { video } = this.#options;
    this.#chosenMs = null;
    this.#keepsToEdge = true;
    if (this.#isLive() && video.seekable.length > 0) video.currentTime = video.seekable.end(video.seekable.length - 1);
  }

  retryNow(): void {
    if (this.#pending === null) return;
    clearTimeout(this.#pending);
    this.#pending = null;
    this.#load();
  }

  destroy(): void {
    clearInterval(this.#tick);
    this.#abort.abort();
    this.#playback.destroy();
    if (this.#pending !== null) clearTimeout(this.#pending);
    this.#options.video.removeAttribute('src');
    this.#options.video.load();
  }

  #isLive(): boolean {
    return this.#options.video.duration === Infinity;
  }

  /* A live picture goes on at its edge, a recording where it was. */
  #load(): void {
    const { video } = this.#options;
    const address = this.#options.address();
    const isRecording = Number.isFinite(video.duration);
    if (!this.#keepsToEdge || isRecording) this.#chosenMs ??= this.pictureTimeMs();
    /* Not every browser tells dates. */
    if (isRecording && this.#chosenMs === null) this.#startAt = video.currentTime;
    const { playbackRate } = video;
    video.src = this.#hasPast ? withPast(address) : address;
    video.load();
    video.playbackRate = playbackRate; /* which loading forgets */
    this.#options.listener.sourceReady();
  }

  #seekToChosen(): void {
    const video: DatedVideo = this.#options.video;
    if (this.#startAt > 0) video.currentTime = this.#startAt;
    this.#startAt = 0;
    const startMs = video.getStartDate?.().getTime() ?? NaN;
    if (this.#chosenMs === null || !Number.isFinite(startMs)) return;
    video.currentTime = Math.max(0, (this.#chosenMs - startMs) / 1000);
    this.#chosenMs = null;
  }

  /* After a pause a live picture goes on at its edge. */
  #resume(): void {
    if (this.#keepsToEdge && this.#isLive() && !this.isAtLiveEdge()) this.goLive();
  }

  #failed(): void {
    this.#playback.broken();
    const { afterMs } = this.#recovery.plan('other', performance.now());
    if (this.#pending !== null) clearTimeout(this.#pending);
    this.#pending = setTimeout(() => {
      this.#pending = null;
      this.#load();
    }, afterMs);
    this.#options.listener.troubled();
  }

  #watch(): void {
    const { video } = this.#options;
    const expected = !video.paused && !video.ended && document.visibilityState === 'visible' && this.#pending === null;
    const mark = progressMark(video, this.#playback.state !== 'starting');
    const remedy = this.#stalls.observe({ nowMs: performance.now(), mark, expected });
    this.#playback.standsStill(this.#stalls.stands);
    if (remedy !== 'none') this.#options.listener.troubled();
    /* Of a recording, or one that is just being loaded again, the place is kept. */
    if (remedy === 'jump' && this.#keepsToEdge && this.#isLive() && bufferedAhead(video) < 0.5) this.goLive();
    if (remedy === 'rebuild') this.#load();
  }
}
