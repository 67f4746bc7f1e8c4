import type { ChatMessage } from '../api/chat.ts';

/* More are not kept on the page; older ones are asked for again. */
const mostKept = 300;

/* The messages as the page has them, oldest first: history and events may bring one twice, and a deletion after it. */
export class ChatLog {
  #messages: ChatMessage[] = [];

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /* Whether something changed. A deletion tells of its message by the same id. */
  add(message: ChatMessage): boolean {
    const place = this.#placeOf(message.id);
    const known = this.#messages[place];
    if (known?.id !== message.id) {
      if (message.text === null && place < this.#messages.length) return false;
      this.#messages.splice(place, 0, message);
      if (this.#messages.length > mostKept) this.#messages.shift();
      return true;
    }
    if (known.text === null || known.text === message.text) return false;
    this.#messages[place] = message;
    return true;
  }

  addAll(messages: readonly ChatMessage[]): boolean {
    return messages.map((message) => this.add(message)).includes(true);
  }

  clear(): void {
    this.#messages = [];
  }

  /* Where the id is, or belongs; searched from the end, where news arrive. */
  #placeOf(id: number): number {
    let place = this.#messages.length;
    while (place > 0 && (this.#messages[place - 1]?.id ?? 0) >= id) place--;
    return place;
  }
}

/* What is wrong with a text before it is sent; null when nothing is. */
export const mostCharacters = 500;

export function lengthOf(text: string): number {
  return [...text].length;
}
