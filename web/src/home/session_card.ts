import { reachable, type Session, type SessionState } from '../api/session.ts';
import { withToken } from '../api/token.ts';
import { element, say } from '../lib/dom.ts';
import { durationText } from '../lib/time_text.ts';

const pictureEveryMs = 10_000;

const badges: Record<SessionState, string> = {
  created: 'Starting',
  live: 'Live',
  reconnecting: 'Waiting',
  ended: 'Over',
  failed: 'Failed',
};

/* One session in the list: picture, badge, title, since when. */
export class SessionCard {
  readonly root: HTMLElement;
  #thumbnail: string;
  #token: string | null = null;
  #link = element('a', { class: 'card' });
  #picture = element('img', { class: 'card-picture', alt: '', decoding: 'async', width: '640', height: '360' });
  #badge = element('span', { class: 'badge' });
  #title = element('h2', { class: 'card-title' });
  #since = element('p', { class: 'card-since' });
  #timer: ReturnType<typeof setInterval>;

  constructor({ id, thumbnail, playbackToken }: Session) {
    this.#token = playbackToken;
    this.#thumbnail = reachable(thumbnail, new URL(location.href));
    this.#link.href = `/watch/${encodeURIComponent(id)}`;
    this.#picture.hidden = true;
    const frame = element('div', { class: 'card-frame' }, this.#picture, this.#badge);
    this.#link.append(frame, element('div', { class: 'card-text' }, this.#title, this.#since));
    this.root = element('li', {}, this.#link);
    this.#loadPicture();
    this.#timer = setInterval(() => this.#loadPicture(), pictureEveryMs);
  }

  show(session: Session): void {
    this.#token = session.playbackToken;
    this.#badge.dataset['state'] = session.state;
    say(this.#badge, badges[session.state]);
    say(this.#title, session.title);
    say(this.#since, sinceText(session));
  }

  destroy(): void {
    clearInterval(this.#timer);
    this.root.remove();
  }

  /* A new picture replaces the old one only once it is whole. */
  #loadPicture(): void {
    if (document.visibilityState !== 'visible') return;
    const next = new Image();
    next.onload = () => {
      this.#picture.src = next.src;
      this.#picture.hidden = false;
    };
    /* The same address for everybody within ten seconds: one fetch for all at the edge. */
    const round = Math.floor(Date.now() / pictureEveryMs);
    next.src = withToken(`${this.#thumbnail}?at=${round}`, this.#token);
  }
}

function sinceText({ state, startedAtMs, viewers }: Session): string {
  const watching = viewers === null || viewers === 0 ? '' : ` · ${viewers} watching`;
  if (state === 'created') return 'Waiting for the headset';
  if (startedAtMs === null) return `Live${watching}`;
  const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }).format(startedAtMs);
  return `Since ${clock} · ${durationText(Date.now() - startedAtMs)}${watching}`;
}
