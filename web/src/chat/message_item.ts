import type { ChatMessage } from '../api/chat.ts';
import { element, say } from '../lib/dom.ts';

export interface Moderation {
  remove(message: ChatMessage): void;
  mute(message: ChatMessage): void;
}

const roleNames = { guest: null, owner: 'Host', operator: 'Team' } as const;

const clockText = (atMs: number): string => new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }).format(atMs);

/* One colour for one person, of eight that are legible on both grounds. */
function toneOf(author: string): string {
  let sum = 0;
  for (const letter of author) sum = (sum * 31 + letter.charCodeAt(0)) % 8;
  return String(sum);
}

/* One message. The role is said by a mark that no name can imitate. Everything from outside goes into text nodes. */
export function messageItem(message: ChatMessage, own: boolean, moderation: Moderation | null): HTMLLIElement {
  const { author, text } = message;
  const role = roleNames[author.role];
  const name = element('bdi', { class: 'chat-name' });
  say(name, author.name);
  const head = element(
    'p',
    { class: 'chat-head' },
    name,
    role === null ? null : element('span', { class: 'chat-role' }, role),
    own ? element('span', { class: 'chat-role' }, 'You') : null,
    message.sentAtMs > 0 ? element('time', { class: 'chat-time', datetime: new Date(message.sentAtMs).toISOString() }, clockText(message.sentAtMs)) : null,
  );
  const body = element('p', { class: 'chat-text', dir: 'auto' });
  say(body, text ?? 'Message deleted');
  const item = element('li', { class: 'chat-message', 'data-tone': toneOf(author.id), 'data-own': String(own), 'data-deleted': String(text === null) }, head, body);
  if (moderation && text !== null) item.append(tools(message, own, moderation));
  return item;
}

function tools(message: ChatMessage, own: boolean, moderation: Moderation): HTMLElement {
  const remove = element('button', { type: 'button', class: 'chat-tool' }, 'Delete');
  remove.addEventListener('click', () => moderation.remove(message));
  const bar = element('p', { class: 'chat-tools' }, remove);
  if (!own && message.author.role === 'guest') {
    const mute = element('button', { type: 'button', class: 'chat-tool' }, 'Mute');
    mute.setAttribute('aria-label', `Mute ${message.author.name}`);
    mute.addEventListener('click', () => moderation.mute(message));
    bar.append(mute);
  }
  return bar;
}
