import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeChatPage, decodeMessage, type ChatMessage } from '../src/api/chat.ts';
import { ChatLog, lengthOf } from '../src/chat/chat_log.ts';

const message = (id: number, text: string | null = `text ${id}`): ChatMessage => ({ id, author: { id: 'a', name: 'A', role: 'guest' }, text, sentAtMs: 1 });
const ids = (log: ChatLog): number[] => log.messages.map(({ id }) => id);

test('history and events make one list, in order, each message once', () => {
  const log = new ChatLog();
  assert.equal(log.add(message(5)), true);
  assert.equal(log.addAll([message(2), message(3), message(5)]), true);
  assert.equal(log.addAll([message(2), message(5)]), false);
  log.add(message(9));
  assert.deepEqual(ids(log), [2, 3, 5, 9]);
});

test('a deletion takes the text away for good', () => {
  const log = new ChatLog();
  log.add(message(1));
  log.add(message(2));
  assert.equal(log.add(message(1, null)), true);
  assert.equal(log.add(message(1)), false);
  assert.equal(log.messages[0]?.text, null);
  assert.deepEqual(ids(log), [1, 2]);
});

test('only the newest are kept', () => {
  const log = new ChatLog();
  for (let id = 1; id <= 400; id++) log.add(message(id));
  assert.equal(log.messages.length, 300);
  assert.equal(log.messages[0]?.id, 101);
});

test('what makes no sense is no message, and a page without messages is none', () => {
  const good = { id: 3, author: { id: 'x', name: '<b>', role: 'owner' }, text: 'hi', sentAt: 7, deleted: false };
  assert.deepEqual(decodeMessage(good), { id: 3, author: { id: 'x', name: '<b>', role: 'owner' }, text: 'hi', sentAtMs: 7 });
  assert.equal(decodeMessage({ ...good, deleted: true, text: 'still here' })?.text, null);
  assert.equal(decodeMessage({ ...good, author: { id: 'x', name: 'n', role: 'king' } })?.author.role, 'guest');
  for (const bad of [null, 7, [], {}, { ...good, id: '3' }, { ...good, id: 1.5 }, { ...good, author: null }, { ...good, author: { id: 1 } }]) assert.equal(decodeMessage(bad), null);
  const page = decodeChatPage({ messages: [{ ...good, id: 9 }, 'junk', good], next: '3', you: { id: 'x', maySay: true } });
  assert.deepEqual(page.messages.map(({ id }) => id), [3, 9]);
  assert.deepEqual([page.next, page.you], ['3', { id: 'x', maySay: true, mayModerate: false }]);
  assert.throws(() => decodeChatPage({ messages: 'none' }));
});

test('characters are counted as people count them', () => {
  assert.equal(lengthOf('a😀b'), 3);
});
