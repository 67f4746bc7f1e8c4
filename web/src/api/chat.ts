import { askJson, sendOnly } from './client.ts';

export type AuthorRole = 'guest' | 'owner' | 'operator';

export interface ChatMessage {
  id: number;
  author: { id: string; name: string; role: AuthorRole };
  text: string | null; /* null: it was deleted */
  sentAtMs: number;
}

export interface ChatPage {
  messages: ChatMessage[]; /* oldest first */
  next: string | null; /* where older ones begin */
  you: { id: string | null; maySay: boolean; mayModerate: boolean };
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const roles: readonly unknown[] = ['guest', 'owner', 'operator'];

/* Null for what makes no sense. */
export function decodeMessage(value: unknown): ChatMessage | null {
  if (!isObject(value) || !isObject(value['author'])) return null;
  const { id, text, sentAt } = value;
  const { id: authorId, name, role } = value['author'];
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof authorId !== 'string' || typeof name !== 'string') return null;
  return {
    id,
    author: { id: authorId, name, role: (roles.includes(role) ? role : 'guest') as AuthorRole },
    text: typeof text === 'string' && value['deleted'] !== true ? text : null,
    sentAtMs: typeof sentAt === 'number' ? sentAt : 0,
  };
}

export function decodeChatPage(value: unknown): ChatPage {
  if (!isObject(value) || !Array.isArray(value['messages'])) throw new TypeError('the answer holds no messages');
  const you = isObject(value['you']) ? value['you'] : {};
  const next = value['next'];
  return {
    messages: value['messages'].flatMap((entry) => decodeMessage(entry) ?? []).reverse(),
    next: typeof next === 'string' ? next : null,
    you: { id: typeof you['id'] === 'string' ? you['id'] : null, maySay: you['maySay'] === true, mayModerate: you['mayModerate'] === true },
  };
}

const chatOf = (session: string): string => `/api/sessions/${encodeURIComponent(session)}/chat`;

export async function readChat(session: string, before: string | null = null): Promise<ChatPage> {
  const cursor = before === null ? '' : `&cursor=${encodeURIComponent(before)}`;
  return decodeChatPage(await askJson(`${chatOf(session)}?limit=50${cursor}`));
}

export async function sayInChat(session: string, text: string, name: string): Promise<ChatMessage | null> {
  return decodeMessage(await askJson(chatOf(session), 'POST', name === '' ? { text } : { text, name }));
}

export const deleteMessage = (session: string, id: number): Promise<void> => sendOnly(`${chatOf(session)}/${id}`, 'DELETE');
export const muteAuthor = (session: string, author: string): Promise<void> =>
  sendOnly(`${chatOf(session)}/mutes/${encodeURIComponent(author)}`, 'PUT');
export const unmuteAuthor = (session: string, author: string): Promise<void> =>
  sendOnly(`${chatOf(session)}/mutes/${encodeURIComponent(author)}`, 'DELETE');
