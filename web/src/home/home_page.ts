import { EventFeed } from '../api/event_feed.ts';
import { activeSessions, ApiError } from '../api/client.ts';
import type { Session } from '../api/session.ts';
import { part, say } from '../lib/dom.ts';
import { Poller, type PollResult } from '../lib/poller.ts';
import { SessionCard } from './session_card.ts';
import { homeView, type HomeView } from './view.ts';

const askAgainMs = 5000;
/* While events tell what is new; counts and times are not among them. */
const askSeldomMs = 30_000;

/* The list of who is live, kept current. */
export class HomePage {
  #main: HTMLElement;
  #list: HTMLElement;
  #cards = new Map<string, SessionCard>();
  #sessions: Session[] | null = null;
  #poller: Poller;
  #feed: EventFeed;
  #hears = false;

  constructor(main: HTMLElement) {
    this.#main = main;
    this.#list = part('.session-list', main);
    const host = location.hostname.includes(':') ? `[${location.hostname}]` : location.hostname;
    say(part('.publish-address', main), `srt://${host}:9000?streamid=your-stream-key`);
    this.#poller = new Poller(() => this.#ask());
    this.#poller.poke();
    this.#feed = new EventFeed(null, {
      event: () => this.#poller.poke(),
      openChanged: (open) => {
        this.#hears = open;
        if (open) this.#poller.poke(); /* for what happened before */
      },
    });
    this.#listen();
    document.addEventListener('visibilitychange', () => this.#listen());
  }

  /* A page that nobody looks at needs no connection. */
  #listen(): void {
    if (document.visibilityState === 'visible') this.#feed.start();
    else this.#feed.stop();
  }

  async #ask(): Promise<PollResult> {
    let errorStatus: number | null = null;
    let retryAfterMs = 0;
    try {
      this.#sessions = await activeSessions();
    } catch (error) {
      errorStatus = error instanceof ApiError ? error.status : 0;
      retryAfterMs = error instanceof ApiError ? error.retryAfterMs : 0;
    }
    this.#show(homeView(this.#sessions, errorStatus));
    return { failed: errorStatus !== null, nextMs: Math.max(this.#hears ? askSeldomMs : askAgainMs, retryAfterMs) };
  }

  #show({ sessions, trouble, status, empty }: HomeView): void {
    this.#showCards(sessions);
    say(part('.list-status', this.#main), status);
    part<HTMLElement>('.empty', this.#main).hidden = !empty;
    const panel = part<HTMLElement>('.trouble', this.#main);
    panel.hidden = trouble === null;
    say(part('.trouble-heading', panel), trouble?.heading ?? '');
    say(part('.trouble-text', panel), trouble?.text ?? '');
  }

  /* Cards stay the same elements while their session lasts: focus and pictures are kept. */
  #showCards(sessions: Session[]): void {
    const ids = new Set(sessions.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.destroy();
      this.#cards.delete(id);
    }
    for (const [index, session] of sessions.entries()) {
      const card = this.#cards.get(session.id) ?? new SessionCard(session);
      this.#cards.set(session.id, card);
      card.show(session);
      const place = this.#list.children[index] ?? null;
      if (place !== card.root) this.#list.insertBefore(card.root, place);
    }
  }
}
