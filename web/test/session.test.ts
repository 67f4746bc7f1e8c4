import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeSession, decodeSessions, reachable, sessionOfPath } from '../src/api/session.ts';

const live = {
  sessionId: 'abc',
  title: 'Castle',
  state: 'live',
  startedAt: 1_700_000_000_000,
  endedAt: null,
  viewers: 2,
  reason: null,
  thumbnail: '/live/abc/thumb.jpg',
  playback: { hls: '/live/abc/index.m3u8', page: '/watch/abc', token: 'playback-token' },
};

test('a session is read as the API writes it', () => {
  assert.deepEqual(decodeSession(live), {
    id: 'abc',
    title: 'Castle',
    state: 'live',
    startedAtMs: 1_700_000_000_000,
    endedAtMs: null,
    viewers: 2,
    reason: null,
    playlist: '/live/abc/index.m3u8',
    thumbnail: '/live/abc/thumb.jpg',
    playbackToken: 'playback-token',
  });
});

test('what is missing or of another kind has a default', () => {
  const bare = decodeSession({ sessionId: 'a/b', state: 'created', title: '  ', viewers: -1, startedAt: 'yesterday', playback: [] });
  assert.equal(bare.title, 'Untitled session');
  assert.equal(bare.viewers, null);
  assert.equal(bare.startedAtMs, null);
  assert.equal(bare.playlist, '/live/a%2Fb/index.m3u8');
});

test('a session without id or known state is refused', () => {
  for (const value of [null, [], 'live', 7, {}, { sessionId: 'x' }, { sessionId: 'x', state: 'dancing' }, { sessionId: '', state: 'live' }])
    assert.throws(() => decodeSession(value), TypeError);
});

test('one entry that makes no sense does not hide the others', () => {
  assert.deepEqual(decodeSessions({ sessions: [live, null, { state: 'live' }] }).map(({ id }) => id), ['abc']);
  assert.throws(() => decodeSessions({ items: [] }), TypeError);
  assert.throws(() => decodeSessions(null), TypeError);
});

test('an address is one that the page can reach', () => {
  const page = new URL('http://192.168.1.5:8080/watch/abc');
  assert.equal(reachable('/live/abc/index.m3u8', page), '/live/abc/index.m3u8');
  assert.equal(reachable('http://localhost:8080/live/abc/index.m3u8', page), '/live/abc/index.m3u8');
  assert.equal(reachable('http://localhost:9090/live/abc/index.m3u8', page), 'http://localhost:9090/live/abc/index.m3u8');
  assert.equal(reachable('https://cdn.example/live/abc/index.m3u8?x=1', page), 'https://cdn.example/live/abc/index.m3u8?x=1');
});

test('the session is named by the path', () => {
  assert.equal(sessionOfPath('/watch/abc'), 'abc');
  assert.equal(sessionOfPath('/watch/abc/'), 'abc');
  for (const path of ['/watch/', '/watch', '/', '/watch/a/b', '/watch/%E0%A4%A']) assert.equal(sessionOfPath(path), null);
});
