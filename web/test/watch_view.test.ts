import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeSession, type Session, type SessionState } from '../src/api/session.ts';
import { askAgainMs, pageTitle, viewOf, type Situation } from '../src/watch/view.ts';

function session(state: SessionState, reason: string | null = null): Session {
  return decodeSession({ sessionId: 'x', title: 'Castle', state, reason });
}

function view(change: Partial<Situation>): ReturnType<typeof viewOf> {
  return viewOf({ session: null, errorStatus: null, player: null, online: true, ...change });
}

test('before the first answer nothing is claimed', () => {
  assert.equal(view({}).notice?.heading, 'Opening…');
  assert.equal(view({}).badge, 'none');
});

test('a session without a picture waits, without a player', () => {
  const waiting = view({ session: session('created') });
  assert.equal(waiting.notice?.heading, 'Waiting for the headset…');
  assert.deepEqual([waiting.wantsPlayer, waiting.settled, waiting.badge], [false, false, 'waiting']);
});

test('a live session plays under no message', () => {
  const starting = view({ session: session('live'), player: 'starting' });
  assert.deepEqual([starting.wantsPlayer, starting.notice?.heading], [true, 'Starting…']);
  for (const player of ['playing', 'paused'] as const)
    assert.deepEqual([view({ session: session('live'), player }).notice, view({ session: session('live'), player }).badge], [null, 'live']);
});

test('a lost headset is said beside a picture that still moves, and over one that does not', () => {
  assert.equal(view({ session: session('reconnecting'), player: 'playing' }).notice?.veil, 'corner');
  assert.equal(view({ session: session('reconnecting'), player: 'waiting' }).notice?.veil, 'full');
  assert.equal(view({ session: session('reconnecting'), player: 'waiting' }).wantsPlayer, true);
});

test('a stalled or offline viewer is told that it comes back', () => {
  assert.equal(view({ session: session('live'), player: 'waiting' }).notice?.heading, 'Reconnecting…');
  assert.match(view({ session: session('live'), player: 'starting', online: false }).notice?.text ?? '', /offline/);
});

test('an ended session plays out, then is over for good', () => {
  const playing = view({ session: session('ended'), player: 'playing' });
  assert.deepEqual([playing.wantsPlayer, playing.notice, playing.settled], [true, null, true]);
  for (const player of [null, 'waiting', 'finished'] as const) {
    const over = view({ session: session('ended'), player });
    assert.deepEqual([over.wantsPlayer, over.notice?.heading, over.settled], [false, 'This session is over', true]);
  }
});

test('a playlist that ended before the API says so is over for now', () => {
  const over = view({ session: session('live'), player: 'finished' });
  assert.deepEqual([over.notice?.heading, over.settled], ['This session is over', false]);
});

test('a failed session says why', () => {
  assert.equal(view({ session: session('failed', 'HEVC is not supported') }).notice?.text, 'HEVC is not supported');
  assert.notEqual(view({ session: session('failed') }).notice?.text, '');
});

test('refusals are told in words', () => {
  const heading = (errorStatus: number): string | undefined => view({ errorStatus }).notice?.heading;
  assert.equal(heading(401), 'This stream is private');
  assert.equal(heading(403), 'This stream is not shared with you');
  assert.equal(heading(404), 'There is no such stream');
  assert.equal(heading(410), 'This session is over');
  assert.equal(heading(0), 'Porthole cannot be reached');
  assert.equal(heading(500), 'Porthole cannot be reached');
});

test('a server that is away takes no picture away', () => {
  for (const errorStatus of [0, 401, 404, 503])
    assert.equal(view({ session: session('live'), player: 'playing', errorStatus }).notice, null);
});

test('a browser without HLS is told so', () => {
  assert.match(view({ session: session('live'), player: 'unsupported' }).notice?.heading ?? '', /browser/);
});

test('a playing page asks seldom, a waiting one often', () => {
  const ask = (change: Partial<Situation>): number =>
    askAgainMs({ session: null, errorStatus: null, player: null, online: true, ...change }, false, () => 0.5);
  assert.equal(ask({ session: session('live'), player: 'playing' }), 10_000);
  assert.equal(ask({ session: session('ended'), player: 'playing' }), 10_000);
  assert.equal(ask({ session: session('reconnecting'), player: 'playing' }), 3000);
  assert.equal(ask({}), 3000);
});

test('the title tells what is live', () => {
  assert.equal(pageTitle(session('live'), 'live'), '● Castle – Porthole');
  assert.equal(pageTitle(session('ended'), 'over'), 'Castle – Porthole');
  assert.equal(pageTitle(null, 'none'), 'Watch – Porthole');
});
