import { addressOf, type Recording } from '../api/recordings.ts';
import { withToken } from '../api/token.ts';
import { element, say } from '../lib/dom.ts';
import { clockText } from '../lib/time_text.ts';
import { Scrub } from './scrub.ts';
import { factsText, recordingView } from './view.ts';

/* One recording in the list: picture, state, length, title, date and size. */
export class RecordingCard {
  readonly root: HTMLElement;
  #link = element('a', { class: 'card' });
  #picture = element('img', { class: 'card-picture', alt: '', decoding: 'async', loading: 'lazy', width: '640', height: '360' });
  #badge = element('span', { class: 'badge' });
  #length = element('span', { class: 'card-length' });
  #title = element('h2', { class: 'card-title' });
  #facts = element('p', { class: 'card-since' });
  #scrub: Scrub;
  #shownPoster: string | null = null;

  constructor(recording: Recording, open: (id: string) => void) {
    this.#link.href = addressOf(recording.id);
    const frame = element('div', { class: 'card-frame' }, this.#picture);
    this.#scrub = new Scrub(frame, this.#link, recording);
    frame.append(this.#badge, this.#length);
    this.#picture.addEventListener('load', () => (this.#picture.dataset['loaded'] = ''));
    this.#picture.addEventListener('error', () => {
      delete this.#picture.dataset['loaded'];
      this.#shownPoster = null; /* tried again with the next answer */
    });
    this.#link.append(frame, element('div', { class: 'card-text' }, this.#title, this.#facts));
    this.#link.addEventListener('click', (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      open(recording.id);
    });
    this.root = element('li', {}, this.#link);
    this.show(recording, false);
  }

  show(recording: Recording, isChosen: boolean): void {
    const view = recordingView(recording);
    this.#badge.hidden = view.badge === '';
    this.#badge.dataset['tone'] = view.tone;
    say(this.#badge, view.badge);
    this.#length.hidden = recording.durationMs === null || recording.state === 'recording';
    say(this.#length, recording.durationMs === null ? '' : clockText(recording.durationMs));
    say(this.#title, recording.title);
    say(this.#facts, factsText(recording, 'short'));
    if (isChosen) this.#link.setAttribute('aria-current', 'true');
    else this.#link.removeAttribute('aria-current');
    this.#scrub.update(recording);
    this.#showPoster(recording);
  }

  destroy(): void {
    this.#scrub.destroy();
    this.root.remove();
  }

  focus(): void {
    this.#link.focus();
  }

  /* The same picture under a fresher token is the same picture. */
  #showPoster({ poster, token }: Recording): void {
    const plain = poster?.replace(/[?&]token=[^&]*/, '') ?? null;
    if (poster === null || plain === this.#shownPoster) return;
    this.#shownPoster = plain;
    this.#picture.src = withToken(poster, token);
  }
}
