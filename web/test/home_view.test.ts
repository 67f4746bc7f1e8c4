import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeSession } from '../src/api/session.ts';
import { homeView } from '../src/home/view.ts';

const older = decodeSession({ sessionId: 'a', state: 'live', startedAt: 1000 });
const newer = decodeSession({ sessionId: 'b', state: 'live', startedAt: 2000 });

test('before the first answer it looks, and claims nothing', () => {
  assert.deepEqual(homeView(null, null), { sessions: [], empty: false, trouble: null, status: 'Looking…' });
});

test('the newest session comes first', () => {
  const view = homeView([older, newer], null);
  assert.deepEqual(view.sessions.map(({ id }) => id), ['b', 'a']);
  assert.equal(view.status, '2 sessions');
  assert.equal(homeView([older], null).status, 'One session');
});

test('nobody live is not the same as nobody asked', () => {
  assert.equal(homeView([], null).empty, true);
  assert.equal(homeView([], 0).empty, false);
  assert.equal(homeView(null, 0).trouble?.heading, 'Porthole cannot be reached');
});

test('a list stays up while the server is away, and goes when it is refused', () => {
  assert.equal(homeView([older], 503).sessions.length, 1);
  assert.equal(homeView([older], 401).sessions.length, 0);
});
