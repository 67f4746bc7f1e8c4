import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerClock } from '../src/lib/server_clock.ts';

/* An answer of a server whose clock is `offsetMs` ahead, written `delayMs` after the request left. */
function answer(clock: ServerClock, atMs: number, offsetMs: number, delayMs = 20): void {
  const writtenMs = atMs + delayMs + offsetMs;
  clock.add({ dateMs: Math.floor(writtenMs / 1000) * 1000, sentMs: atMs, receivedMs: atMs + 2 * delayMs });
}

test('nothing is known before the first answer', () => {
  const clock = new ServerClock();
  assert.equal(clock.offsetMs, 0);
  assert.equal(clock.uncertaintyMs, Infinity);
});

test('answers on all phases of the second close in on the offset', () => {
  for (const offsetMs of [0, 40_000, -3600_250]) {
    const clock = new ServerClock();
    for (let index = 0; index < 60; index++) answer(clock, 1e12 + index * 2137, offsetMs);
    assert.ok(Math.abs(clock.offsetMs - offsetMs) <= 60, `${clock.offsetMs} for ${offsetMs}`);
    assert.ok(clock.uncertaintyMs < 100);
  }
});

test('the truth never leaves the bounds', () => {
  const clock = new ServerClock();
  for (let index = 0; index < 500; index++) {
    answer(clock, 1e12 + index * 733, 1234, 5 + (index % 7) * 60);
    assert.ok(Math.abs(clock.offsetMs - 1234) <= clock.uncertaintyMs);
  }
});

test('a clock that is set starts the estimate over', () => {
  const clock = new ServerClock();
  for (let index = 0; index < 60; index++) answer(clock, 1e12 + index * 2137, 0);
  for (let index = 0; index < 60; index++) answer(clock, 1e12 + 200_000 + index * 2137, 5000);
  assert.ok(Math.abs(clock.offsetMs - 5000) <= 100);
});

test('answers that make no sense are not taken', () => {
  const clock = new ServerClock();
  clock.add({ dateMs: NaN, sentMs: 0, receivedMs: 10 });
  clock.add({ dateMs: 5000, sentMs: 20, receivedMs: 10 });
  assert.equal(clock.uncertaintyMs, Infinity);
});
