import { reachable } from '../api/session.ts';
import type { StartedSession, Visibility } from '../api/started_session.ts';
import { part, say } from '../lib/dom.ts';

const copiedMs = 2000;

/* The link to hand on. A private session's carries a viewer's token, in the fragment, which no server's log sees. */
export class ViewersPanel {
  #panel: HTMLElement;
  #link: HTMLAnchorElement;

  constructor(panel: HTMLElement) {
    this.#panel = panel;
    this.#link = part('.viewers-link', panel);
    const copy = part<HTMLButtonElement>('.viewers-copy', panel);
    copy.hidden = typeof navigator.clipboard?.writeText !== 'function';
    copy.addEventListener('click', () => {
      void navigator.clipboard.writeText(this.#link.href).then(
        () => say(copy, 'Copied'),
        () => say(copy, 'Not copied'),
      );
      setTimeout(() => say(copy, 'Copy'), copiedMs);
    });
  }

  show(session: StartedSession | null, visibility: Visibility): void {
    this.#panel.hidden = session === null;
    if (!session) return;
    const url = new URL(reachable(session.page, new URL(location.href)), location.href);
    say(this.#link, url.host + url.pathname);
    if (visibility === 'private' && session.viewerToken !== '') url.hash = `token=${encodeURIComponent(session.viewerToken)}`;
    this.#link.href = url.href;
  }
}
