import { say } from '../lib/dom.ts';

export type Mood = 'busy' | 'calm' | 'trouble';

export interface Notice {
  heading: string;
  text: string;
  mood: Mood;
  veil: 'full' | 'corner'; /* over the whole picture, or beside it while it still plays */
  wayOut: boolean; /* offers a way to other pictures */
}

/* The message over the picture. */
export class NoticePanel {
  #panel: HTMLElement;
  #heading: HTMLElement;
  #text: HTMLElement;
  #wayOut: HTMLElement;

  constructor(panel: HTMLElement) {
    const child = (name: string): HTMLElement => {
      const found = panel.querySelector<HTMLElement>(`.notice-${name}`);
      if (!found) throw new Error(`the notice has no ${name}`);
      return found;
    };
    this.#panel = panel;
    this.#heading = child('heading');
    this.#text = child('text');
    this.#wayOut = child('way-out');
  }

  show(notice: Notice | null): void {
    this.#panel.hidden = notice === null;
    /* Controls of a picture that nobody sees would only lie over the message. */
    this.#panel.parentElement?.classList.toggle('is-veiled', notice?.veil === 'full');
    if (!notice) return;
    this.#panel.dataset['mood'] = notice.mood;
    this.#panel.dataset['veil'] = notice.veil;
    say(this.#heading, notice.heading);
    say(this.#text, notice.text);
    this.#wayOut.hidden = !notice.wayOut;
  }
}
