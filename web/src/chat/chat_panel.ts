import { decodeMessage, deleteMessage, muteAuthor, readChat, sayInChat, unmuteAuthor, type ChatMessage, type ChatPage } from '../api/chat.ts';
import { ApiError } from '../api/client.ts';
import { element, part, say } from '../lib/dom.ts';
import { ChatLog } from './chat_log.ts';
import { Composer } from './composer.ts';
import { messageItem, type Moderation } from './message_item.ts';

/* So near the end the newest message is followed. */
const nearEndPx = 48;

/* The chat of one session. Hidden until there is one to show; hears what is new by `hear`. */
export class ChatPanel {
  #session: string;
  #root: HTMLElement;
  #list: HTMLElement;
  #status: HTMLElement;
  #older: HTMLButtonElement;
  #newer: HTMLButtonElement;
  #composer: Composer;
  #log = new ChatLog();
  #items = new Map<number, { item: HTMLLIElement; text: string | null }>();
  #you: ChatPage['you'] = { id: null, maySay: false, mayModerate: false };
  #next: string | null = null;
  #loaded = false;

  constructor(root: HTMLElement, session: string) {
    this.#root = root;
    this.#session = session;
    this.#list = part('.chat-log', root);
    this.#status = part('.chat-status', root);
    this.#older = part('.chat-older', root);
    this.#newer = part('.chat-newer', root);
    this.#composer = new Composer(part('.chat-form', root), (text, name) => this.#send(text, name));
    this.#older.addEventListener('click', () => void this.#loadOlder());
    this.#newer.addEventListener('click', () => this.#toEnd());
    this.#list.addEventListener('scroll', () => (this.#newer.hidden = this.#newer.hidden || this.#isNearEnd()), { passive: true });
  }

  /* Asks for the newest messages: at the start, and when too much was missed. */
  async load(): Promise<void> {
    try {
      const page = await readChat(this.#session);
      if (!this.#loaded) this.#next = page.next;
      this.#loaded = true;
      this.#you = page.you;
      this.#root.hidden = false;
      this.#root.dispatchEvent(new CustomEvent('chat-shown', { bubbles: true }));
      this.#composer.allow(page.you.maySay);
      this.#log.addAll(page.messages);
      this.#draw(true);
    } catch (error) {
      if (this.#loaded || !(error instanceof ApiError) || error.status === 0) return;
      this.#root.hidden = true; /* no chat here for this viewer */
    }
  }

  /* A `chat` event. */
  hear(data: unknown): void {
    const message = decodeMessage(data);
    if (!message || !this.#loaded) return;
    if (this.#log.add(message)) this.#draw(false);
  }

  close(): void {
    this.#composer.close('The session is over. Thanks for watching.');
  }

  async #send(text: string, name: string): Promise<string | null> {
    try {
      const message = await sayInChat(this.#session, text, name);
      if (message && this.#log.add(message)) this.#draw(true);
      return null;
    } catch (error) {
      return troubleText(error);
    }
  }

  async #loadOlder(): Promise<void> {
    if (this.#next === null) return;
    this.#older.disabled = true;
    try {
      const page = await readChat(this.#session, this.#next);
      this.#next = page.next;
      const fromEnd = this.#list.scrollHeight - this.#list.scrollTop;
      this.#log.addAll(page.messages);
      this.#draw(false);
      this.#list.scrollTop = this.#list.scrollHeight - fromEnd;
    } catch (error) {
      say(this.#status, troubleText(error));
    }
    this.#older.disabled = false;
  }

  #moderation(): Moderation | null {
    if (!this.#you.mayModerate) return null;
    return {
      remove: (message) => void this.#try(() => deleteMessage(this.#session, message.id), ''),
      mute: (message) => void this.#mute(message),
    };
  }

  async #mute({ author }: ChatMessage): Promise<void> {
    if (!(await this.#try(() => muteAuthor(this.#session, author.id), `${author.name} is muted. `))) return;
    const undo = element('button', { type: 'button', class: 'chat-tool' }, 'Undo');
    undo.addEventListener('click', () => void this.#try(() => unmuteAuthor(this.#session, author.id), `${author.name} may speak again.`));
    this.#status.append(undo);
  }

  async #try(action: () => Promise<void>, done: string): Promise<boolean> {
    try {
      await action();
      say(this.#status, done);
      return true;
    } catch (error) {
      say(this.#status, troubleText(error));
      return false;
    }
  }

  #isNearEnd(): boolean {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < nearEndPx;
  }

  #toEnd(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#newer.hidden = true;
  }

  /* Items stay the same elements while their message does, so that only what is new is read aloud. */
  #draw(toEnd: boolean): void {
    const follows = toEnd || this.#isNearEnd();
    const ids = new Set(this.#log.messages.map(({ id }) => id));
    for (const [id, { item }] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    for (const [index, message] of this.#log.messages.entries()) this.#place(index, message);
    part<HTMLElement>('.chat-empty', this.#root).hidden = this.#log.messages.length > 0;
    this.#older.hidden = this.#next === null;
    if (follows) this.#toEnd();
    else this.#newer.hidden = false;
  }

  #place(index: number, message: ChatMessage): void {
    const drawn = this.#items.get(message.id);
    if (drawn?.text === message.text) return;
    const item = messageItem(message, message.author.id === this.#you.id, this.#moderation());
    if (drawn) drawn.item.replaceWith(item);
    else this.#list.insertBefore(item, this.#list.children[index] ?? null);
    this.#items.set(message.id, { item, text: message.text });
  }
}

function troubleText(error: unknown): string {
  switch (error instanceof ApiError ? error.status : 0) {
    case 403:
      return 'You cannot write here any more.';
    case 404:
      return 'That is not there any more.';
    case 409:
      return 'The session is over.';
    case 429:
      return 'That was quick. Wait a moment, then send it again.';
    default:
      return 'It could not be sent. Try again.';
  }
}
