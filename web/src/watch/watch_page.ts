import { EventFeed } from '../api/event_feed.ts';
import { ApiError, onTiming, session as askForSession } from '../api/client.ts';
import { addressOf, recording as askForRecording } from '../api/recordings.ts';
import { reachable, type Session } from '../api/session.ts';
import { viewerToken, withToken } from '../api/token.ts';
import { ChatPanel } from '../chat/chat_panel.ts';
import { element, part, say } from '../lib/dom.ts';
import { Poller, type PollResult } from '../lib/poller.ts';
import { ServerClock } from '../lib/server_clock.ts';
import { durationText } from '../lib/time_text.ts';
import { startPlaying } from '../player/autoplay.ts';
import { createPlayer } from '../player/create_player.ts';
import { NoticePanel } from '../player/notice_panel.ts';
import type { Player, PlayerState } from '../player/player.ts';
import { QualityMeter } from '../player/quality_meter.ts';
import { RenditionList } from '../player/renditions.ts';
import { SoundPrompt } from '../player/sound_prompt.ts';
import { WatchedPlaces } from '../player/watched_places.ts';
import { LiveBadge } from './live_badge.ts';
import { Presence } from './presence.ts';
import { liveWithinSeconds, WayBack } from './way_back.ts';
import { askAgainMs, pageTitle, viewOf, viewersText, type Situation, type View } from './view.ts';

const refreshMs = 1000;
/* With the clocks known less well than this, the distance to the playlist's end is nearer the truth. */
const mostUncertainMs = 300;

/* One session on one page. Everything that happens changes #situation; #show() draws what follows from it. */
export class WatchPage {
  readonly video: HTMLVideoElement;
  readonly clock = new ServerClock();
  player: Player | null = null;

  #id: string;
  #situation: Situation = { session: null, errorStatus: null, player: null, online: navigator.onLine };
  #view: View | null = null;
  #renditions = new RenditionList();
  #poller: Poller;
  #badge: LiveBadge;
  #wayBack: WayBack;
  #notice: NoticePanel;
  #sound: SoundPrompt;
  #title: Element;
  #status: Element;
  #viewers: HTMLElement;
  #recording: HTMLAnchorElement;
  #chat: ChatPanel;
  #presence: Presence;
  #meter = new QualityMeter();
  #feed: EventFeed;
  #hears = false; /* events come: there is little to ask */
  #wanted = true; /* the viewer did not pause */
  #startedOnce = false;
  #soughtRecording = false;
  #places = new WatchedPlaces();

  constructor(main: HTMLElement, id: string | null) {
    this.#id = id ?? '';
    this.video = element('video', { slot: 'media', playsinline: '', preload: 'auto', tabindex: '-1' });
    /* Before the controller sees the element: it reads the list when it adopts it. */
    Object.defineProperty(this.video, 'videoRenditions', { value: this.#renditions });
    part('media-controller', main).prepend(this.video);
    this.#badge = new LiveBadge(part('.live-badge', main), () => this.#goLive());
    this.#wayBack = new WayBack(part('.way-back', main) as HTMLInputElement, (secondsBehind) => this.#goTo(secondsBehind));
    this.#notice = new NoticePanel(part('.notice', main));
    this.#sound = new SoundPrompt(part('.sound-prompt', main), this.video);
    this.#title = part('.session-title', main);
    this.#status = part('.session-status', main);
    this.#viewers = part('.viewer-count', main);
    this.#recording = part('.notice-recording', main);
    this.#chat = new ChatPanel(part('.chat', main), this.#id);
    this.#presence = new Presence(this.#id, () => this.#meter.quality(performance.now()));
    this.#feed = new EventFeed(this.#id, {
      event: (type, data) => this.#hear(type, data),
      openChanged: (open) => (this.#hears = open),
    });
    main.addEventListener('chat-shown', () => document.body.classList.add('has-chat'));
    /* Who listens with the page out of sight needs fresh tokens too. */
    this.#poller = new Poller(
      () => this.#ask(),
      () => this.#situation.player !== 'playing',
    );
    onTiming((timing) => this.clock.add(timing));
    this.#listen();
    if (id === null) this.#change({ errorStatus: 404 });
    else this.#poller.poke();
    setInterval(() => this.#tick(), refreshMs);
  }

  latencySeconds(): number | null {
    const pictureMs = this.player?.pictureTimeMs() ?? null;
    if (pictureMs === null || this.clock.uncertaintyMs > mostUncertainMs) return this.player?.edgeLatency() ?? null;
    return (Date.now() + this.clock.offsetMs - pictureMs) / 1000;
  }

  #listen(): void {
    addEventListener('online', () => {
      this.#change({ online: true });
      this.player?.retryNow();
    });
    addEventListener('offline', () => this.#change({ online: false }));
    document.addEventListener('visibilitychange', () => this.#seen());
    addEventListener('pageshow', () => this.#seen());
    this.video.addEventListener('play', () => (this.#wanted = true));
    this.video.addEventListener('pause', () => {
      if (document.visibilityState === 'visible' && !this.video.ended && this.video.error === null) this.#wanted = false;
    });
  }

  #hear(type: string, data: unknown): void {
    if (type === 'chat') this.#chat.hear(data);
    else if (type === 'viewers') this.#showViewers((data as { viewers?: unknown } | null)?.viewers);
    if (type !== 'state' && type !== 'reset') return;
    this.#poller.poke();
    /* What was said before the stream began is in the history by now. */
    void this.#chat.load();
  }

  #showViewers(count: unknown): void {
    const text = viewersText(count);
    this.#viewers.hidden = text === '';
    say(this.#viewers, text);
  }

  async #ask(): Promise<PollResult> {
    let heard: Partial<Situation>;
    let retryAfterMs = 0;
    try {
      heard = { session: await askForSession(this.#id), errorStatus: null };
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      retryAfterMs = error instanceof ApiError ? error.retryAfterMs : 0;
      heard = { errorStatus: status };
    }
    this.#change(heard);
    if (heard.session) this.#showViewers(heard.session.viewers);
    /* What still plays of a session that is over needs fresh tokens. */
    const isOver = this.#view?.settled === true && !this.#view.wantsPlayer;
    const nextMs = Math.max(retryAfterMs, askAgainMs(this.#situation, this.#hears));
    return { failed: this.#situation.errorStatus !== null, nextMs: isOver ? null : nextMs };
  }

  #change(heard: Partial<Situation>): void {
    this.#situation = { ...this.#situation, ...heard };
    const view = viewOf(this.#situation);
    this.#view = view;
    if (view.wantsPlayer && !this.player && this.#situation.session) this.#open(this.#situation.session);
    else if (!view.wantsPlayer && this.player) this.#close();
    this.#follow(view);
    this.#show();
  }

  /* The events and the count come after the player: they share the browser's few connections. */
  #follow({ settled }: View): void {
    const { session, player } = this.#situation;
    if (settled || !session) {
      if (settled) this.#leave();
      if (session?.state === 'ended') void this.#offerRecording(session);
      return;
    }
    this.#feed.start();
    this.#presence.watch(player === 'playing' || player === 'waiting');
  }

  #leave(): void {
    this.#feed.stop();
    this.#presence.watch(false);
    this.#viewers.hidden = true;
    this.#chat.close();
  }

  /* What was missed of a session that is over can be seen by who may see its recording, which has the session's id. */
  async #offerRecording({ id }: Session): Promise<void> {
    if (this.#soughtRecording || viewerToken() === null) return;
    this.#soughtRecording = true;
    try {
      if ((await askForRecording(id)).state === 'failed') return;
    } catch {
      return; /* none, or not for this viewer */
    }
    this.#recording.href = addressOf(id);
    this.#recording.hidden = false;
  }

  #open(session: Session): void {
    const playlist = reachable(session.playlist, new URL(location.href));
    this.#meter.opened(performance.now());
    this.player = createPlayer({
      video: this.video,
      /* Every answer of the API brings a fresh token, long before the last one ends. */
      address: (url = playlist) => withToken(url, this.#situation.session?.playbackToken ?? null),
      isRecording: false,
      startAt: 0,
      renditions: this.#renditions,
      timed: (timing) => this.clock.add(timing),
      listener: {
        sourceReady: () => void this.#play(),
        stateChanged: (state: PlayerState) => {
          this.#meter.stateChanged(state, performance.now());
          this.#change({ player: state });
        },
        troubled: () => this.#poller.poke(),
      },
    });
    this.#change({ player: this.player ? 'starting' : 'unsupported' });
  }

  #close(): void {
    this.#keepPlace();
    this.player?.destroy();
    this.player = null;
    this.#meter.stateChanged(null, performance.now());
    if (this.#situation.player !== 'unsupported' && this.#situation.player !== 'finished') this.#change({ player: null });
  }

  /* Who was still on the way to the session's end goes on in its recording. */
  #keepPlace(): void {
    const { session } = this.#situation;
    const pictureMs = this.player?.pictureTimeMs() ?? null;
    if (session?.state !== 'ended' || session.startedAtMs === null || pictureMs === null || this.player?.keepsToEdge()) return;
    this.#places.keep(session.id, (pictureMs - session.startedAtMs) / 1000, ((session.endedAtMs ?? Date.now()) - session.startedAtMs) / 1000);
  }

  async #play(): Promise<void> {
    if (!this.#wanted) return;
    if (this.#startedOnce) {
      await this.video.play().catch(() => undefined);
      return;
    }
    this.#startedOnce = true;
    this.#sound.show(await startPlaying(this.video));
  }

  #goTo(secondsBehind: number): void {
    if (secondsBehind < liveWithinSeconds) {
      this.#goLive();
      return;
    }
    this.player?.goTo(Date.now() + this.clock.offsetMs - secondsBehind * 1000);
    void this.video.play().catch(() => undefined);
  }

  #goLive(): void {
    this.player?.goLive();
    void this.video.play().catch(() => undefined);
  }

  /* The tab is in front again: back to the live picture. */
  #seen(): void {
    if (document.visibilityState !== 'visible' || !this.player) return;
    this.player.retryNow();
    if (!this.#wanted) return;
    if (this.player.keepsToEdge() && !this.player.isAtLiveEdge()) this.player.goLive();
    if (this.video.paused && !this.video.ended) void this.video.play().catch(() => undefined);
  }

  #show(): void {
    const view = this.#view;
    if (!view) return;
    const { session } = this.#situation;
    this.#notice.show(view.notice);
    document.body.dataset['badge'] = view.badge;
    document.title = pageTitle(session, view.badge);
    say(this.#title, session?.title ?? '');
    this.#refresh();
  }

  #tick(): void {
    this.#refresh();
    const { player } = this;
    if (!player || this.#situation.player !== 'playing') return;
    this.#meter.sample({
      latencySeconds: this.latencySeconds(),
      bitsPerSecond: player.hls?.levels[player.hls.currentLevel]?.bitrate ?? null,
      throughput: player.hls?.bandwidthEstimate ?? null,
      droppedFrames: this.video.getVideoPlaybackQuality().droppedVideoFrames,
    });
  }

  /* What changes with time alone. */
  #refresh(): void {
    const view = this.#view;
    if (!view) return;
    this.#badge.show(view.badge, this.latencySeconds(), this.player?.isAtLiveEdge() ?? true);
    const startedAtMs = this.#situation.session?.startedAtMs ?? null;
    const lasting = view.badge === 'live' && startedAtMs !== null;
    const serverNowMs = Date.now() + this.clock.offsetMs;
    this.#wayBack.show(lasting ? (serverNowMs - startedAtMs) / 1000 : null, this.latencySeconds());
    say(this.#status, lasting ? `${view.status} · ${durationText(serverNowMs - startedAtMs)}` : view.status);
  }
}
