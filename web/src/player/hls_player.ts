import Hls, { type ErrorData, type Level, type LevelDetails, type LevelLoadedData } from 'hls.js';

import type { Timing } from '../api/client.ts';
import { catchUpRate, jumpBehindSeconds, LatencyTarget } from './catch_up.ts';
import { firstPartControllers } from './first_parts.ts';
import { hlsConfig, rememberBandwidth, rememberedBandwidth } from './hls_config.ts';
import { bufferedAhead, progressMark } from './picture_progress.ts';
import { PlaybackState } from './playback_state.ts';
import { withPast, type Player, type PlayerListener } from './player.ts';
import { playlistLoader } from './playlist_loader.ts';
import { Recovery, type Fault, type Remedy } from './recovery.ts';
import { renditionName, type RenditionList } from './renditions.ts';
import { StallWatch } from './stall_watch.ts';

const tickMs = 250;
const idleAfterPauseMs = 30_000;
const leastWorthKeeping = 3; /* seconds in the buffer */
const nearSeconds = 0.5;

export interface HlsPlayerOptions {
  video: HTMLVideoElement;
  address(url?: string): string;
  isRecording: boolean; /* it has ended before it is opened */
  startAt: number; /* seconds into a recording */
  renditions: RenditionList;
  listener: PlayerListener;
  /* Hears the Date header of every playlist. */
  timed(timing: Timing): void;
}

/* Plays through Media Source Extensions (or iPhone's ManagedMediaSource).
 *
 * Lifetime: #hls lives from #build() to the next #build() or destroy(); everything else lives as long as the player.
 * Remedies wait in #pending, one at a time. */
export class HlsPlayer implements Player {
  #options: HlsPlayerOptions;
  #hls: Hls | null = null;
  #playback: PlaybackState;
  #recovery = new Recovery();
  #stalls = new StallWatch();
  #target = new LatencyTarget();
  #tick: ReturnType<typeof setInterval>;
  #pending: { timer: ReturnType<typeof setTimeout>; remedy: Remedy } | null = null;
  #idle: ReturnType<typeof setTimeout> | null = null;
  #abort = new AbortController();
  /* What the viewer chose to see, UTC milliseconds; goes on with the picture. Null: what is live. */
  #chosenMs: number | null = null;
  #isSought = false; /* the picture is where it was chosen to be */
  #hasPast = false;
  #place: number | null = null; /* where a recording is, seconds: a player that is built anew starts there */
  #speed = 1; /* of a recording: the viewer's choice, which a new source would forget */
  #catchesUp = false; /* the speed is ours, not the viewer's */

  constructor(options: HlsPlayerOptions) {
    this.#options = options;
    /* What a page feeds to its element by itself no AirPlay receiver can load. */
    options.video.toggleAttribute('disableremoteplayback', true);
    if (options.isRecording) this.#place = options.startAt;
    this.#playback = new PlaybackState(options.video, (state) => {
      if (state === 'playing') this.#settled();
      if (state === 'waiting') options.listener.troubled();
      options.listener.stateChanged(state);
    });
    const { signal } = this.#abort;
    options.video.addEventListener('pause', () => this.#rest(), { signal });
    options.video.addEventListener('play', () => this.#resume(), { signal });
    for (const moved of ['seeking', 'timeupdate'] as const) options.video.addEventListener(moved, () => this.#notePlace(), { signal });
    options.renditions.addEventListener('change', () => this.#chooseLevel(true), { signal });
    this.#build();
    this.#tick = setInterval(() => this.#watch(), tickMs);
  }

  get hls(): Hls | null {
    return this.#hls;
  }

  pictureTimeMs(): number | null {
    return this.#hls?.playingDate?.getTime() ?? null;
  }

  edgeLatency(): number | null {
    return this.#hls && this.#liveDetails && this.#hls.latency > 0 ? this.#hls.latency : null;
  }

  level(): { width: number; height: number } | null {
    const level = this.#hls?.levels[this.#hls.currentLevel];
    return level ? { width: level.width, height: level.height } : null;
  }

  isAtLiveEdge(): boolean {
    const latency = this.edgeLatency();
    return latency === null || latency - (this.#hls?.targetLatency ?? latency) < jumpBehindSeconds;
  }

  keepsToEdge(): boolean {
    return this.#chosenMs === null;
  }

  goTo(timeMs: number): void {
    this.#chosenMs = timeMs;
    this.#isSought = false;
    if (this.#hasPast) {
      this.#seekToChosen();
      return;
    }
    this.#hasPast = true;
    this.#build();
  }

  goLive(): void {
    this.#chosenMs = null;
    const position = this.#liveDetails ? this.#hls?.liveSyncPosition : null;
    if (position && Number.isFinite(position)) this.#options.video.currentTime = position;
  }

  retryNow(): void {
    if (!this.#pending) return;
    const { remedy } = this.#pending;
    this.#cancelPending();
    this.#apply(remedy);
  }

  destroy(): void {
    clearInterval(this.#tick);
    this.#abort.abort();
    this.#cancelPending();
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#playback.destroy();
    this.#hls?.destroy();
    this.#hls = null;
    this.#options.video.toggleAttribute('disableremoteplayback', false);
  }

  get #isRecording(): boolean {
    return this.#hls?.latestLevelDetails?.live === false;
  }

  /* Of a playlist that has ended, hls.js tells an edge and a latency all the same. */
  get #liveDetails(): LevelDetails | null {
    const details = this.#hls?.latestLevelDetails;
    return details?.live ? details : null;
  }

  #build(): void {
    const { address, video } = this.#options;
    this.#hls?.destroy();
    const hls = new Hls({
      ...hlsConfig(rememberedBandwidth(), this.#options.isRecording),
      /* A live picture goes on at its edge, a recording where it was. */
      startPosition: this.#place ?? -1,
      pLoader: playlistLoader(() => this.#chosenMs),
      ...firstPartControllers,
      /* Playlists name the token they were loaded with (EXT-X-DEFINE); one that is fresh goes out in its place. */
      xhrSetup: (request, url) => {
        const current = address(url);
        if (current !== url) request.open('GET', current, true);
      },
    });
    this.#hls = hls;
    hls.on(Hls.Events.MEDIA_ATTACHED, () => {
      video.playbackRate = this.#speed;
      this.#options.listener.sourceReady();
    });
    hls.on(Hls.Events.MANIFEST_PARSED, (_event, { levels }) => this.#manifestParsed(levels));
    hls.on(Hls.Events.LEVEL_LOADED, (_event, loaded) => this.#levelLoaded(loaded));
    hls.on(Hls.Events.ERROR, (_event, error) => this.#failed(error));
    this.#isSought = false;
    hls.on(Hls.Events.FRAG_BUFFERED, () => this.#seekToChosen());
    hls.loadSource(this.#hasPast ? withPast(address()) : address());
    hls.attachMedia(video);
  }

  /* Between two sources the element is at 0, and has no data: that is no place to return to. */
  #notePlace(): void {
    const { video } = this.#options;
    if (!this.#isRecording || !(video.seeking || video.readyState > 1)) return;
    this.#place = video.currentTime;
    this.#speed = this.#catchesUp ? 1 : video.playbackRate;
  }

  #seekToChosen(): void {
    const fragments = this.#hls?.latestLevelDetails?.fragments ?? [];
    if (this.#chosenMs === null || this.#isSought || fragments.length === 0) return;
    let [place] = fragments;
    for (const fragment of fragments) {
      if (fragment.programDateTime !== null && fragment.programDateTime <= this.#chosenMs) place = fragment;
    }
    if (!place || place.programDateTime === null) return;
    this.#isSought = true;
    const { video } = this.#options;
    const seconds = place.start + Math.max(0, this.#chosenMs - place.programDateTime) / 1000;
    /* A new player has begun there. */
    if (Math.abs(video.currentTime - seconds) > nearSeconds) video.currentTime = seconds;
  }

  #manifestParsed(levels: Level[]): void {
    this.#options.renditions.replace(
      levels
        .filter(({ width, height }) => width > 0 && height > 0)
        .map((level) => ({
          id: renditionName(level),
          width: level.width,
          height: level.height,
          bitrate: level.bitrate,
        })),
    );
    this.#chooseLevel(false);
  }

  /* The next fragment comes in the chosen rendition. What is buffered of a live session is little, and is played first; of a
   * recording it is much, and gives way to what `viewer` chose. */
  #chooseLevel(byViewer: boolean): void {
    const hls = this.#hls;
    if (!hls) return;
    const { renditions } = this.#options;
    const chosen = renditions[renditions.selectedIndex];
    const level = chosen ? hls.levels.findIndex((candidate) => renditionName(candidate) === chosen.id) : -1;
    if (level === (hls.autoLevelEnabled ? -1 : hls.loadLevel)) return;
    if (byViewer && level >= 0 && this.#isRecording) hls.nextLevel = level;
    else hls.loadLevel = level;
  }

  #levelLoaded({ networkDetails, stats }: LevelLoadedData): void {
    if (!(networkDetails instanceof XMLHttpRequest)) return;
    const date = networkDetails.getResponseHeader('Date');
    if (!date) return;
    const toLocalMs = Date.now() - performance.now();
    this.#options.timed({
      dateMs: Date.parse(date),
      sentMs: toLocalMs + stats.loading.start,
      receivedMs: toLocalMs + stats.loading.first,
    });
  }

  #failed({ fatal, type, details }: ErrorData): void {
    if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) this.#target.stalled(performance.now());
    if (!fatal) return;
    const faults: Partial<Record<string, Fault>> = {
      [Hls.ErrorTypes.NETWORK_ERROR]: 'network',
      [Hls.ErrorTypes.MEDIA_ERROR]: 'media',
    };
    const fault = faults[type] ?? 'other';
    const plan = this.#recovery.plan(fault, performance.now());
    this.#playback.broken();
    this.#schedule(this.#remedyFor(fault, plan.remedy), plan.afterMs);
    this.#options.listener.troubled();
  }

  /* Without a manifest there is nothing to resume; and what is there to play is not thrown away for what is not. */
  #remedyFor(fault: Fault, remedy: Remedy): Remedy {
    if (this.#hls?.levels.length === 0) return remedy === 'resume' ? 'rebuild' : remedy;
    const canWait = fault === 'network' && bufferedAhead(this.#options.video) > leastWorthKeeping;
    return canWait ? 'resume' : remedy;
  }

  #schedule(remedy: Remedy, afterMs: number): void {
    this.#cancelPending();
    const timer = setTimeout(() => {
      this.#pending = null;
      this.#apply(remedy);
    }, afterMs);
    this.#pending = { timer, remedy };
  }

  #cancelPending(): void {
    if (this.#pending) clearTimeout(this.#pending.timer);
    this.#pending = null;
  }

  #apply(remedy: Remedy): void {
    if (remedy === 'recover-media') this.#hls?.recoverMediaError();
    else if (remedy === 'resume') this.#hls?.startLoad(-1);
    else this.#build();
  }

  #settled(): void {
    this.#recovery.settled();
    if (this.#hls) rememberBandwidth(this.#hls.bandwidthEstimate);
  }

  /* A long pause stops a live download; playing again starts it at the live edge. Of a recording only so much is loaded ahead,
   * and who seeks in a pause wants to see where. */
  #rest(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#idle = null;
      if (this.#options.video.paused && this.#liveDetails) this.#hls?.stopLoad();
    }, idleAfterPauseMs);
  }

  #resume(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const hls = this.#hls;
    if (!hls) return;
    if (!hls.loadingEnabled) hls.startLoad(-1);
    if (this.keepsToEdge() && !this.isAtLiveEdge()) this.goLive();
  }

  #watch(): void {
    const { video } = this.#options;
    const live = this.#liveDetails;
    const expected = live !== null && !video.paused && document.visibilityState === 'visible' && !this.#pending;
    const mark = progressMark(video, this.#playback.state !== 'starting');
    const remedy = this.#stalls.observe({ nowMs: performance.now(), mark, expected });
    this.#playback.standsStill(this.#stalls.stands);
    if (remedy !== 'none') this.#options.listener.troubled();
    if (remedy === 'jump' && this.keepsToEdge()) this.goLive();
    if (remedy === 'rebuild') this.#build();
    /* A new player goes on where this one stood. */
    if (this.#isSought && !video.seeking) this.#chosenMs &&= this.pictureTimeMs() ?? this.#chosenMs;
    if (live && !video.paused && this.keepsToEdge()) this.#keepToEdge(live.partHoldBack || live.holdBack);
    else this.#catchUp(1);
  }

  /* Where there is no edge to keep to, the speed is the viewer's. */
  #catchUp(rate: number): void {
    if (rate === 1 && !this.#catchesUp) return;
    this.#catchesUp = rate !== 1;
    if (rate !== this.#options.video.playbackRate) this.#options.video.playbackRate = rate;
  }

  #keepToEdge(holdBack: number): void {
    const hls = this.#hls;
    const { video } = this.#options;
    const latency = this.edgeLatency();
    if (!hls || latency === null || this.#playback.state === 'starting') return;
    const target = this.#target.seconds(holdBack || hls.targetLatency || 0, performance.now());
    if (Math.abs((hls.targetLatency ?? 0) - target) > 0.01) hls.targetLatency = target;
    if (latency - target > jumpBehindSeconds && !video.seeking) {
      this.goLive();
      return;
    }
    const rate = catchUpRate({ latency, target, buffered: bufferedAhead(video), rate: video.playbackRate });
    this.#catchUp(rate);
  }
}
