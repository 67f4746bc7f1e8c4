import { EventFeed } from '../api/event_feed.ts';
import { ApiError } from '../api/client.ts';
import { addressOf, recording as askForOne, recordingPage, type Recording } from '../api/recordings.ts';
import { bearerOf, viewerToken } from '../api/token.ts';
import { part, say } from '../lib/dom.ts';
import { Poller, type PollResult } from '../lib/poller.ts';
import { ClipForm } from './clip_form.ts';
import { RecordingActions } from './recording_actions.ts';
import { RecordingCard } from './recording_card.ts';
import { RecordingPlayer } from './recording_player.ts';
import { UploadPanel } from './upload_panel.ts';
import { factsText, mayUpload, recordingView, troubleOf, type Trouble } from './view.ts';

const pageSize = 48;
const askAgainMs = 5000;
/* While events tell what is new, and nothing is in the making. A playing recording needs fresh tokens all the same. */
const askSeldomMs = 60_000;

/* The list of recordings, and the chosen one above it: `?recording=` names it. */
export class RecordingsPage {
  readonly player: RecordingPlayer;
  #main: HTMLElement;
  #list: HTMLElement;
  #theatre: HTMLElement;
  #more: HTMLButtonElement;
  #cards = new Map<string, RecordingCard>();
  #recordings: Recording[] | null = null;
  #chosen: Recording | null = null;
  #chosenId: string | null = null;
  #chosenStatus: number | null = null; /* of the last question for it that failed */
  #listStatus: number | null = null;
  #pages = 1;
  #poller: Poller;
  #feed: EventFeed;
  #hears = false;
  #actions: RecordingActions;
  #clip: ClipForm;

  constructor(main: HTMLElement) {
    const bearer = bearerOf(viewerToken());
    this.#main = main;
    this.#list = part('.recording-list', main);
    this.#theatre = part('.theatre', main);
    this.#more = part('.show-more', main);
    this.player = new RecordingPlayer(this.#theatre, () => this.#poller.poke());
    this.#clip = new ClipForm(part('.clip-form', main), {
      positionMs: () => this.player.positionMs,
      seek: (ms) => this.player.seek(ms),
      made: (clip) => this.#clipMade(clip),
    });
    this.#actions = new RecordingActions(part('.actions', main), part('.delete-dialog', main), bearer, {
      changed: (changed) => this.#changed(changed),
      deleted: (id) => this.#gone(id),
      cut: (one) => this.#clip.open(one),
    });
    if (mayUpload(bearer)) new UploadPanel(part('.uploads', main), part('.upload-button', main), () => this.#poller.poke());
    this.#poller = new Poller(() => this.#ask(), () => this.player.video.paused);
    this.#feed = new EventFeed(null, {
      event: (type, data) => this.#hear(type, data),
      openChanged: (open) => {
        this.#hears = open;
        if (open) this.#poller.poke(); /* for what happened before */
      },
    });
    this.#more.addEventListener('click', () => {
      this.#pages += 1;
      this.#poller.poke();
    });
    part('.close', main).addEventListener('click', (event) => {
      event.preventDefault();
      this.#choose(null);
    });
    part('.clip-form', main).addEventListener('closed', () => part<HTMLElement>('.make-clip', main).focus());
    addEventListener('popstate', () => this.#choose(this.#idInAddress(), false));
    document.addEventListener('visibilitychange', () => this.#listen());
    this.#listen();
    this.#choose(this.#idInAddress(), false);
  }

  #idInAddress(): string | null {
    return new URLSearchParams(location.search).get('recording');
  }

  /* A page that nobody looks at needs no connection. */
  #listen(): void {
    if (document.visibilityState === 'visible') this.#feed.start();
    else this.#feed.stop();
  }

  #hear(type: string, data: unknown): void {
    if (type !== 'recording' && type !== 'state' && type !== 'reset') return;
    const { recordingId, state } = (data ?? {}) as { recordingId?: unknown; state?: unknown };
    const isGone = type === 'recording' && typeof recordingId === 'string' && (state === 'deleting' || state === 'deleted');
    /* What somebody else deleted while it is looked at is said to be, with the next answer. */
    if (isGone && (recordingId !== this.#chosenId || this.#actions.deletes(recordingId))) this.#gone(recordingId);
    this.#poller.poke();
  }

  #choose(id: string | null, isNew = true): void {
    const before = this.#chosenId;
    this.#chosenId = id;
    this.#chosenStatus = null;
    this.#chosen = this.#recordings?.find((one) => one.id === id) ?? null;
    this.#clip.close();
    if (id !== before) this.player.close();
    if (isNew && id !== before) history.pushState(null, '', id === null ? '/recordings' : addressOf(id));
    this.#show();
    if (isNew && id !== null) {
      this.#theatre.scrollIntoView({ block: 'start', behavior: 'auto' });
      part<HTMLElement>('.player', this.#theatre).focus({ preventScroll: true });
    } else if (isNew && before !== null) this.#cards.get(before)?.focus();
    this.#poller.poke();
  }

  async #ask(): Promise<PollResult> {
    const [list, one] = await Promise.allSettled([this.#askForList(), this.#askForChosen(this.#chosenId)]);
    const statusOf = (result: PromiseSettledResult<void>): number | null =>
      result.status === 'fulfilled' ? null : result.reason instanceof ApiError ? result.reason.status : 0;
    this.#listStatus = statusOf(list);
    this.#chosenStatus = statusOf(one);
    this.#show();
    const failed = this.#listStatus !== null || (this.#chosenStatus !== null && this.#chosenStatus < 400);
    const errors = [list, one].map((result) => (result.status === 'rejected' && result.reason instanceof ApiError ? result.reason.retryAfterMs : 0));
    const isCalm = this.#hears && !this.#recordings?.some(({ state }) => state === 'processing');
    return { failed, nextMs: Math.max(isCalm ? askSeldomMs : askAgainMs, ...errors) };
  }

  async #askForList(): Promise<void> {
    const found: Recording[] = [];
    let next: string | null = null;
    for (let page = 0; page < this.#pages; page++) {
      const answer = await recordingPage(next, pageSize);
      found.push(...answer.recordings);
      next = answer.next;
      if (next === null) break;
    }
    this.#recordings = found;
    this.#more.hidden = next === null;
  }

  async #askForChosen(id: string | null): Promise<void> {
    if (id === null) return;
    const answer = await askForOne(id);
    if (this.#chosenId === id) this.#chosen = answer;
  }

  #changed(changed: Recording): void {
    this.#recordings = this.#recordings?.map((one) => (one.id === changed.id ? changed : one)) ?? null;
    if (this.#chosenId === changed.id) this.#chosen = changed;
    this.#show();
  }

  #clipMade(clip: Recording): void {
    this.#recordings = [clip, ...(this.#recordings ?? [])];
    this.#show();
    this.#actions.say(`“${clip.title}” is being cut. It is in the list below.`);
    this.#poller.poke();
  }

  #gone(id: string): void {
    this.#recordings = this.#recordings?.filter((one) => one.id !== id) ?? null;
    if (this.#chosenId === id) this.#choose(null);
    this.#show();
  }

  #show(): void {
    this.#showTheatre();
    const refused = this.#listStatus === 401 || this.#listStatus === 403;
    const recordings = refused ? [] : (this.#recordings ?? []);
    this.#showCards(recordings);
    const isEmpty = this.#recordings !== null && recordings.length === 0 && this.#listStatus === null;
    part<HTMLElement>('.empty', this.#main).hidden = !isEmpty || this.#chosenId !== null;
    say(part('.list-status', this.#main), this.#recordings === null && this.#listStatus === null ? 'Looking…' : '');
    this.#showTrouble(this.#troubleNow());
  }

  /* The chosen one, for this viewer. */
  get #isGone(): boolean {
    return this.#chosenStatus === 404 || this.#chosenStatus === 410 || this.#chosenStatus === 403;
  }

  #troubleNow(): Trouble | null {
    if (this.#chosenId !== null && this.#chosenStatus !== null && (!this.#chosen || this.#isGone)) return troubleOf(this.#chosenStatus, 'one');
    return this.#listStatus === null ? null : troubleOf(this.#listStatus, 'list');
  }

  #showTrouble(trouble: Trouble | null): void {
    const panel = part<HTMLElement>('.trouble', this.#main);
    panel.hidden = trouble === null;
    say(part('.trouble-heading', panel), trouble?.heading ?? '');
    say(part('.trouble-text', panel), trouble?.text ?? '');
  }

  #showTheatre(): void {
    const chosen = this.#chosen;
    const isGone = this.#isGone;
    this.#theatre.hidden = chosen === null || isGone;
    document.body.classList.toggle('has-chosen', !this.#theatre.hidden);
    say(part('.list-title', this.#main), this.#theatre.hidden ? 'Recordings' : 'More recordings');
    document.title = chosen && !isGone ? `${chosen.title} – Porthole` : 'Recordings – Porthole';
    if (!chosen || isGone) {
      this.player.close();
      return;
    }
    const view = recordingView(chosen);
    say(part('.recording-title', this.#theatre), chosen.title);
    say(part('.recording-facts', this.#theatre), factsText(chosen, 'long'));
    say(part('.recording-note', this.#theatre), view.canPlay ? view.text : '');
    this.player.show(chosen, view, this.#chosenStatus === 401);
    this.#actions.show(chosen, view);
  }

  /* Cards stay the same elements while their recording lasts: focus and pictures are kept. */
  #showCards(recordings: Recording[]): void {
    const ids = new Set(recordings.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.destroy();
      this.#cards.delete(id);
    }
    for (const [index, one] of recordings.entries()) {
      const card = this.#cards.get(one.id) ?? new RecordingCard(one, (id) => this.#choose(id));
      this.#cards.set(one.id, card);
      card.show(one, one.id === this.#chosenId);
      const place = this.#list.children[index] ?? null;
      if (place !== card.root) this.#list.insertBefore(card.root, place);
    }
  }
}
