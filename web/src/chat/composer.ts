import { part, say } from '../lib/dom.ts';
import { lengthOf, mostCharacters } from './chat_log.ts';

const nameKey = 'porthole.chat-name';
/* From here on it is said how many are left. */
const warnAt = 400;

function storedName(): string {
  try {
    return localStorage.getItem(nameKey) ?? '';
  } catch {
    return '';
  }
}

function storeName(name: string): void {
  try {
    localStorage.setItem(nameKey, name);
  } catch {
    /* Storage may be forbidden: the name is typed again next time. */
  }
}

/* Where a message is written. `send` tells what went wrong, null when nothing did. */
export class Composer {
  #form: HTMLFormElement;
  #text: HTMLInputElement;
  #name: HTMLInputElement;
  #trouble: HTMLElement;
  #left: HTMLElement;
  #closed: HTMLElement;
  #send: (text: string, name: string) => Promise<string | null>;
  #busy = false;

  constructor(form: HTMLFormElement, send: (text: string, name: string) => Promise<string | null>) {
    this.#form = form;
    this.#send = send;
    this.#text = part('.chat-input', form);
    this.#name = part('.chat-name-input', form);
    this.#trouble = part('.chat-trouble', form);
    this.#left = part('.chat-left', form);
    this.#closed = part('.chat-closed', form.parentElement ?? form);
    this.#name.value = storedName();
    this.#text.addEventListener('input', () => this.#count());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  allow(maySay: boolean): void {
    if (maySay) {
      this.#form.hidden = false;
      this.#closed.hidden = true;
    } else {
      this.close('To write here, open the link of your invitation.');
    }
  }

  close(why: string): void {
    this.#form.hidden = true;
    this.#closed.hidden = false;
    say(this.#closed, why);
  }

  #count(): void {
    const length = lengthOf(this.#text.value);
    say(this.#left, length < warnAt ? '' : `${mostCharacters - length} left`);
    this.#left.dataset['over'] = String(length > mostCharacters);
  }

  async #submit(): Promise<void> {
    const text = this.#text.value.trim();
    const name = this.#name.value.trim();
    if (this.#busy || text === '' || lengthOf(text) > mostCharacters) return;
    this.#busy = true;
    storeName(name);
    /* At once: the next message may be begun while this one is on its way. */
    this.#text.value = '';
    this.#text.focus();
    const trouble = await this.#send(text, name);
    this.#busy = false;
    say(this.#trouble, trouble ?? '');
    if (trouble !== null) this.#text.value = `${text} ${this.#text.value}`.trim();
    this.#count();
  }
}
