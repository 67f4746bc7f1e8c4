import { ApiError, endSession, startSession } from '../api/client.ts';
import { reachable } from '../api/session.ts';
import type { StartedSession } from '../api/started_session.ts';
import { viewerToken } from '../api/token.ts';
import { part, say } from '../lib/dom.ts';
import { obstacle } from './capture.ts';
import { DeviceForm } from './device_form.ts';
import { FiguresPanel } from './figures_panel.ts';
import type { Outgoing } from './peer.ts';
import { PictureSource } from './picture_source.ts';
import { Publication } from './publication.ts';
import { SetupForm } from './setup_form.ts';
import { SoundLevel } from './sound_level.ts';
import { hintOf, noFigures, Statistics, type Figures } from './statistics.ts';
import { timerText, viewOf, type Situation, type View } from './view.ts';
import { ViewersPanel } from './viewers_panel.ts';

const whipPath = '/whip';
const lookMs = 1000;
const meterMs = 100;
/* How fast the network is shows only after a while: hints before that would be wrong. */
const settledMs = 10_000;

/* Going live from this browser. Everything that happens changes #situation; #show() draws what follows from it. */
export class PublishPage {
  readonly publication: Publication;
  figures: Figures = noFigures;

  #main: HTMLElement;
  #situation: Situation;
  #source = new PictureSource((lost) => this.#lost(lost));
  #sound = new SoundLevel();
  #statistics = new Statistics();
  #lookedAt: RTCPeerConnection | null = null;
  #devices: DeviceForm;
  #setup: SetupForm;
  #viewers: ViewersPanel;
  #panel: FiguresPanel;
  #preview: HTMLVideoElement;
  #own: StartedSession | null = null;
  #liveSinceMs: number | null = null;
  #connectedAtMs: number | null = null; /* the connection that there is */
  #wakeLock: WakeLockSentinel | null = null;

  constructor(main: HTMLElement, key: string) {
    this.#main = main;
    this.#preview = part('.preview', main);
    this.#devices = new DeviceForm(part('.devices', main), () => void this.#open());
    this.#setup = new SetupForm(part('.setup', main), key, viewerToken() !== null, () => this.#setupChanged(), () => this.#act('go'));
    this.#viewers = new ViewersPanel(part('.viewers', main));
    this.#panel = new FiguresPanel(part('.figures', main));
    this.publication = new Publication(this.#outgoing(), () => this.#connectionChanged());
    this.#situation = {
      connection: this.publication.state, source: 'camera', picture: 'none', hasSound: false, fault: null, hasKey: this.#hasKey(),
      starting: false, startRefusal: null, streamedMs: null, online: navigator.onLine,
    };
    this.#listen();
    setInterval(() => void this.#look(), lookMs);
    setInterval(() => part<HTMLElement>('.meter-bar', main).style.setProperty('--level', this.#sound.level().toFixed(3)), meterMs);
    const fault = obstacle();
    if (fault !== null) this.#change({ fault: { device: 'camera', fault } });
    else void this.#openIfAllowed();
    this.#show();
  }

  #listen(): void {
    const go = part<HTMLButtonElement>('.go-button', this.#main);
    go.addEventListener('click', () => this.#act(go.dataset['action']));
    part('.turn-on', this.#main).addEventListener('click', () => void this.#open(true));
    part('.mute', this.#main).addEventListener('click', () => this.#mute());
    addEventListener('online', () => this.#change({ online: true }));
    addEventListener('offline', () => this.#change({ online: false }));
    addEventListener('pointerdown', () => this.#sound.wake());
    addEventListener('beforeunload', (event) => {
      if (this.publication.state.phase === 'live') event.preventDefault();
    });
    /* A phone that was locked gave its lock back. */
    document.addEventListener('visibilitychange', () => void this.#keepAwake());
  }

  /* Whoever allowed the camera before sees themselves at once. */
  async #openIfAllowed(): Promise<void> {
    const query = async (name: string): Promise<string> =>
      (await navigator.permissions?.query({ name: name as PermissionName }).catch(() => null))?.state ?? 'prompt';
    if ((await query('camera')) === 'granted' && (await query('microphone')) === 'granted') await this.#open();
    else await this.#devices.refresh();
  }

  /* A screen is asked for only by its button: browsers want a touch for it. */
  async #open(isAskedFor = false): Promise<void> {
    const { choice } = this.#devices;
    const isSame = choice.source === this.#situation.source && this.#source.video !== null;
    if (choice.source === 'screen' && !isAskedFor && !isSame) {
      this.#source.close();
      this.#change({ source: 'screen', picture: 'none', hasSound: false, fault: null });
      this.#sendTracks();
      return;
    }
    this.#change({ source: choice.source, picture: isSame ? 'there' : 'asking', fault: null });
    const keepsScreen = choice.source === 'screen' && !isAskedFor;
    const error = await (keepsScreen ? this.#source.openSound(choice.microphone) : this.#source.open(choice));
    if (error === undefined) return;
    const { video, audio } = this.#source;
    this.#change({ picture: video ? 'there' : 'none', hasSound: audio !== null, fault: error && { device: error.device, fault: error.fault } });
    this.#sendTracks();
    await this.#devices.refresh(this.#source);
  }

  #lost(what: 'picture' | 'sound'): void {
    const { source } = this.#situation;
    if (what === 'sound') this.#change({ hasSound: false });
    else this.#change({ picture: 'none', fault: source === 'camera' ? { device: 'camera', fault: 'missing' } : null });
    this.#sendTracks();
  }

  #outgoing(): Outgoing {
    return { video: this.#source.video, audio: this.#source.audio, quality: this.#devices.choice.quality };
  }

  #sendTracks(): void {
    const { video, audio } = this.#source;
    this.#preview.srcObject = video ? new MediaStream([video]) : null;
    /* A mirror, as everybody expects of a camera that looks at them; text on a screen would be hard to read. */
    const facing = video?.getSettings().facingMode;
    this.#preview.dataset['mirrored'] = String(this.#situation.source === 'camera' && facing !== 'environment');
    this.#sound.listen(audio);
    this.#showMute();
    this.publication.send(this.#outgoing());
  }

  #mute(): void {
    const { audio } = this.#source;
    if (audio) audio.enabled = !audio.enabled;
    this.#showMute();
  }

  #showMute(): void {
    const button = part<HTMLButtonElement>('.mute', this.#main);
    const { audio } = this.#source;
    const isMuted = audio?.enabled === false;
    button.hidden = audio === null;
    button.setAttribute('aria-pressed', String(isMuted));
    say(part('.mute-word', button), isMuted ? 'Muted' : 'Mute');
    if (audio) this.#change({ hasSound: !isMuted });
  }

  #hasKey(): boolean {
    return this.#setup.startsOwn || this.#setup.key !== '';
  }

  #setupChanged(): void {
    this.#change({ hasKey: this.#hasKey(), startRefusal: null });
  }

  #act(action: string | undefined): void {
    if (action === 'stop') this.#stop();
    else if (viewOf(this.#situation).actionEnabled && viewOf(this.#situation).action === 'go') void this.#go();
  }

  async #go(): Promise<void> {
    this.#change({ streamedMs: null, startRefusal: null, fault: null });
    if (!this.#setup.startsOwn) {
      this.publication.go({ url: new URL(whipPath, location.href).href, key: this.#setup.key });
      return;
    }
    this.#change({ starting: true });
    try {
      this.#own = await startSession(this.#setup.title, this.#setup.visibility);
      this.#viewers.show(this.#own, this.#setup.visibility);
      const url = new URL(reachable(this.#own.whip, new URL(location.href)), location.href).href;
      this.publication.go({ url, key: this.#own.streamKey }, this.#own.iceServers);
    } catch (error) {
      const { status, retryAfterMs } = error instanceof ApiError ? error : new ApiError(500, '');
      if (status === 403) this.#setup.askForKey();
      this.#change({ startRefusal: { status, detail: '', retryAfterMs }, hasKey: this.#hasKey() });
    } finally {
      this.#change({ starting: false });
    }
  }

  #stop(): void {
    const streamedMs = this.#liveSinceMs === null ? null : Date.now() - this.#liveSinceMs;
    this.publication.stop();
    this.#change({ streamedMs });
    /* A session of one's own ends with its publication; one that was handed over is its owner's to end. */
    if (this.#own) void endSession(this.#own.id).catch(() => undefined);
    this.#own = null;
    this.#viewers.show(null, 'private');
  }

  #connectionChanged(): void {
    const { phase } = this.publication.state;
    if (phase === 'live') this.#liveSinceMs ??= Date.now();
    if (phase === 'live') this.#connectedAtMs ??= Date.now();
    else if (phase !== 'mending') this.#connectedAtMs = null;
    const isOff = phase === 'idle' || phase === 'failed';
    this.#change({ connection: this.publication.state });
    if (isOff) {
      this.#liveSinceMs = null;
      this.#panel.show(null, null);
    }
    void this.#keepAwake();
    this.#show();
  }

  async #keepAwake(): Promise<void> {
    const isOn = !['idle', 'failed'].includes(this.publication.state.phase) && document.visibilityState === 'visible';
    if (!isOn || this.#wakeLock?.released === false) {
      if (!isOn) void this.#wakeLock?.release().catch(() => undefined);
      return;
    }
    this.#wakeLock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
  }

  async #look(): Promise<void> {
    const { connection } = this.publication;
    if (connection !== this.#lookedAt) {
      this.#lookedAt = connection;
      this.#statistics = new Statistics();
    }
    const statistics = this.#statistics;
    const report = connection ? await connection.getStats().catch(() => null) : null;
    if (statistics !== this.#statistics) return;
    this.figures = report ? statistics.look([...(report as unknown as Map<string, Record<string, unknown>>)], performance.now()) : noFigures;
    const { phase } = this.publication.state;
    const isSettled = phase === 'live' && this.#connectedAtMs !== null && Date.now() - this.#connectedAtMs > settledMs;
    const hint = isSettled ? hintOf(this.figures, this.#devices.choice.quality.frameRate) : null;
    this.#panel.show(phase === 'idle' || phase === 'failed' ? null : this.figures, hint);
    this.#showTime();
  }

  #change(change: Partial<Situation>): void {
    this.#situation = { ...this.#situation, ...change };
    this.#show();
  }

  #show(): void {
    const view = viewOf(this.#situation);
    const main = this.#main;
    this.#showPlaceholder(view);
    const state = part<HTMLElement>('.state', main);
    state.dataset['mood'] = view.mood;
    say(part('.state-heading', state), view.heading);
    say(part('.state-text', state), view.text);
    const button = part<HTMLButtonElement>('.go-button', main);
    button.dataset['action'] = view.action;
    button.disabled = !view.actionEnabled;
    say(button, view.action === 'go' ? 'Go live' : 'Stop');
    this.#setup.show(view.showsSetup);
    const badge = part<HTMLElement>('.picture-badge', main);
    badge.hidden = view.badge === '';
    badge.dataset['mood'] = view.mood;
    say(part('.picture-badge-word', badge), view.badge);
    this.#showTime();
    document.title = view.mood === 'live' ? '● You are live – Porthole' : 'Go live – Porthole';
  }

  #showPlaceholder({ placeholder, offersPicture }: View): void {
    const panel = part<HTMLElement>('.placeholder', this.#main);
    panel.hidden = placeholder === null;
    this.#preview.hidden = placeholder !== null;
    say(part('.placeholder-heading', panel), placeholder?.heading ?? '');
    say(part('.placeholder-text', panel), placeholder?.text ?? '');
    const button = part<HTMLButtonElement>('.turn-on', panel);
    button.hidden = !offersPicture;
    say(button, this.#situation.source === 'camera' ? 'Turn on the camera' : 'Choose what to share');
  }

  #showTime(): void {
    const text = this.#liveSinceMs === null ? '' : timerText(Date.now() - this.#liveSinceMs);
    say(part('.picture-badge-time', this.#main), text);
  }
}
