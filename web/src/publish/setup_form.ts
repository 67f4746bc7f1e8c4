import { part, say } from '../lib/dom.ts';
import type { Visibility } from '../api/started_session.ts';
import { cleanKey, keepKey } from './stream_key.ts';

/* A pasted stream key, or what a session of one's own is to be called. */
export class SetupForm {
  #form: HTMLFormElement;
  #key: HTMLInputElement;
  #title: HTMLInputElement;
  #visibility: HTMLSelectElement;
  #startsOwn: boolean;

  /* `mayStart`: the visitor has a token, and no key that was handed over. */
  constructor(form: HTMLFormElement, key: string, mayStart: boolean, changed: () => void, submitted: () => void) {
    this.#form = form;
    this.#key = part('.key-input', form);
    this.#title = part('.title-input', form);
    this.#visibility = part('.visibility-select', form);
    this.#key.value = key;
    this.#startsOwn = mayStart && key === '';
    this.#key.addEventListener('input', () => {
      keepKey(this.key);
      changed();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      submitted();
    });
    const show = part<HTMLButtonElement>('.key-show', form);
    show.addEventListener('click', () => {
      const isShown = this.#key.type === 'password';
      this.#key.type = isShown ? 'text' : 'password';
      show.setAttribute('aria-pressed', String(isShown));
      say(show, isShown ? 'Hide' : 'Show');
    });
    const swap = part<HTMLButtonElement>('.switch-key', form);
    swap.hidden = !mayStart;
    swap.addEventListener('click', () => {
      this.#startsOwn = !this.#startsOwn;
      this.#showFields();
      changed();
    });
    this.#showFields();
  }

  get key(): string {
    return cleanKey(this.#key.value);
  }

  get startsOwn(): boolean {
    return this.#startsOwn;
  }

  get title(): string {
    return this.#title.value.trim();
  }

  get visibility(): Visibility {
    const { value } = this.#visibility;
    return value === 'public' || value === 'unlisted' ? value : 'private';
  }

  /* What the API refused once is not offered again first. */
  askForKey(): void {
    this.#startsOwn = false;
    this.#showFields();
  }

  show(isShown: boolean): void {
    this.#form.hidden = !isShown;
  }

  #showFields(): void {
    part<HTMLElement>('.own-session', this.#form).hidden = !this.#startsOwn;
    part<HTMLElement>('.pasted-key', this.#form).hidden = this.#startsOwn;
    say(part('.switch-key', this.#form), this.#startsOwn ? 'I have a stream key' : 'Start a session of my own');
  }
}
