import type { Recording } from '../api/recordings.ts';
import { reachable } from '../api/session.ts';
import { withToken } from '../api/token.ts';
import { element, part } from '../lib/dom.ts';
import { startPlaying } from '../player/autoplay.ts';
import { createPlayer } from '../player/create_player.ts';
import { NoticePanel, type Notice } from '../player/notice_panel.ts';
import type { Player, PlayerState } from '../player/player.ts';
import { RenditionList } from '../player/renditions.ts';
import { SoundPrompt } from '../player/sound_prompt.ts';
import { loadStoryboard, storyboardText } from './storyboard.ts';
import type { RecordingView } from './view.ts';
import { WatchedPlaces } from '../player/watched_places.ts';

const notice = (heading: string, text: string, mood: Notice['mood']): Notice => ({ heading, text, mood, veil: 'full', wayOut: false });

/* A first picture that takes longer is said to be on its way. */
const soonMs = 1500;

/* The picture of one recording, with a storyboard on its seek bar.
 *
 *   show()   as often as wanted: what is heard of the chosen recording, with fresh tokens
 *   close()  at any time: nothing is chosen */
export class RecordingPlayer {
  video: HTMLVideoElement;
  player: Player | null = null;
  #controller: HTMLElement;
  #recording: Recording | null = null;
  #view: RecordingView | null = null;
  #state: PlayerState | null = null;
  #renditions = new RenditionList();
  #places = new WatchedPlaces();
  #notice: NoticePanel;
  #sound: SoundPrompt;
  #startedOnce = false;
  #wanted = true; /* neither paused nor played to its end */
  #isSilenced = false; /* by the browser, not by the viewer */
  #isTroubled = false; /* it failed, or takes its time */
  #soon: ReturnType<typeof setTimeout> | undefined;
  #isRefused = false;
  #troubled: () => void;
  #storyboardOf: string | null = null;
  #storyboardUrl: string | null = null;

  constructor(section: HTMLElement, troubled: () => void) {
    this.#troubled = troubled;
    this.#controller = part('media-controller', section);
    this.video = element('video', { slot: 'media', playsinline: '', preload: 'auto', tabindex: '-1' });
    /* Before the controller sees the element: it reads the list when it adopts it. */
    Object.defineProperty(this.video, 'videoRenditions', { value: this.#renditions });
    this.#controller.prepend(this.video);
    this.#notice = new NoticePanel(part('.notice', section));
    this.#sound = new SoundPrompt(part('.sound-prompt', section), this.video);
    this.video.addEventListener('play', () => (this.#wanted = true));
    /* An element that failed is paused too. */
    this.video.addEventListener('pause', () => (this.#wanted = this.#wanted && this.video.error !== null));
    this.video.addEventListener('volumechange', () => {
      if (!this.video.muted) this.#isSilenced = false;
    });
    addEventListener('online', () => this.player?.retryNow());
    addEventListener('pagehide', () => this.#keepPlace());
  }

  show(recording: Recording, view: RecordingView, isRefused = false): void {
    if (this.#recording && this.#recording.id !== recording.id) this.close();
    this.#isRefused = isRefused;
    this.#recording = recording;
    this.#view = view;
    if (recording.poster !== null && !this.video.poster) this.video.poster = withToken(recording.poster, recording.token);
    if (view.canPlay && !this.player && recording.playlist !== null) this.#open(recording, recording.playlist);
    else if (!view.canPlay && this.player) this.#stop();
    void this.#showStoryboard(recording);
    this.#say();
  }

  close(): void {
    this.#stop();
    this.#recording = null;
    this.#view = null;
    this.#storyboardOf = null;
    this.video.removeAttribute('poster');
    this.#clearStoryboard();
  }

  get positionMs(): number {
    return this.video.currentTime * 1000;
  }

  seek(ms: number): void {
    this.video.currentTime = ms / 1000;
    void this.video.play().catch(() => undefined);
  }

  #open(recording: Recording, playlist: string): void {
    const plain = reachable(playlist, new URL(location.href));
    this.player = createPlayer({
      video: this.video,
      /* Every answer of the API brings a fresh token, long before the last one ends. */
      address: (url = plain) => withToken(url, this.#recording?.token ?? recording.token),
      isRecording: true,
      startAt: this.#places.of(recording.id),
      renditions: this.#renditions,
      timed: () => undefined,
      listener: {
        sourceReady: () => void this.#play(),
        stateChanged: (state) => {
          this.#state = state;
          if (state === 'playing') this.#isTroubled = false;
          this.#say();
        },
        troubled: () => {
          this.#isTroubled = true;
          this.#say();
          this.#troubled();
        },
      },
    });
    this.#state = this.player ? 'starting' : 'unsupported';
    this.#soon = setTimeout(() => {
      this.#isTroubled = true;
      this.#say();
    }, soonMs);
  }

  /* Between two sources the element has no place. */
  #keepPlace(): void {
    const { currentTime, duration, readyState } = this.video;
    if (this.#recording && this.player && readyState > 0) this.#places.keep(this.#recording.id, currentTime, duration);
  }

  #stop(): void {
    this.#keepPlace();
    clearTimeout(this.#soon);
    this.player?.destroy();
    this.player = null;
    this.#state = null;
    this.#startedOnce = false;
    this.#wanted = true;
    this.#isTroubled = false;
    this.video.removeAttribute('src');
    this.video.load();
  }

  async #play(): Promise<void> {
    if (!this.#wanted) return;
    const isMutedByViewer = this.video.muted && !this.#isSilenced;
    if (this.#startedOnce || isMutedByViewer) {
      this.#startedOnce = true;
      await this.video.play().catch(() => undefined);
      return;
    }
    this.#startedOnce = true;
    this.#isSilenced = true;
    const startedWith = await startPlaying(this.video);
    this.#isSilenced = startedWith !== 'sound';
    this.#sound.show(startedWith);
  }

  #say(): void {
    this.#notice.show(this.#noticeOf());
  }

  #noticeOf(): Notice | null {
    const view = this.#view;
    if (!view) return null;
    const mood = view.tone === 'busy' || view.tone === 'trouble' ? view.tone : 'calm';
    if (!view.canPlay) return notice(view.badge, view.text, mood);
    if (this.#state === 'unsupported') return notice('This browser cannot play it', 'Download it, or try a current Chrome, Edge, Firefox or Safari.', 'trouble');
    const isWaiting = this.#state === 'waiting' || (this.#state === 'starting' && this.#isTroubled && !this.video.paused);
    if (!isWaiting) return null;
    if (this.#isRefused) return notice('Please open your invitation again', 'It has run out. The link you were sent lets you go on.', 'trouble');
    /* Beside the picture: who waits may go elsewhere in it, or pause. */
    return { ...notice(navigator.onLine ? 'One moment…' : 'You are offline', '', 'busy'), veil: 'corner' };
  }

  /* The seek bar takes its small pictures from a track whose addresses are whole and hold a token. */
  async #showStoryboard({ id, storyboard, token, state }: Recording): Promise<void> {
    if (storyboard === null || state !== 'ready' || this.#storyboardOf === id) return;
    this.#storyboardOf = id;
    const tiles = await loadStoryboard(storyboard, token);
    if (this.#storyboardOf !== id || tiles.length === 0) return;
    this.#clearStoryboard();
    this.#storyboardUrl = URL.createObjectURL(new Blob([storyboardText(tiles)], { type: 'text/vtt' }));
    this.video.append(element('track', { kind: 'metadata', label: 'thumbnails', default: '', src: this.#storyboardUrl }));
  }

  #clearStoryboard(): void {
    for (const track of this.video.querySelectorAll('track')) track.remove();
    if (this.#storyboardUrl !== null) URL.revokeObjectURL(this.#storyboardUrl);
    this.#storyboardUrl = null;
  }
}
