import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StallWatch, type StallRemedy } from '../src/player/stall_watch.ts';

/* Watches for `seconds`, four times a second; `mark` and `expected` as functions of the time in ms. */
function watch(seconds: number, mark: (ms: number) => number, expected: (ms: number) => boolean = () => true): [number, StallRemedy][] {
  const stalls = new StallWatch();
  const remedies: [number, StallRemedy][] = [];
  for (let nowMs = 0; nowMs <= seconds * 1000; nowMs += 250) {
    const remedy = stalls.observe({ nowMs, mark: mark(nowMs), expected: expected(nowMs) });
    if (remedy !== 'none') remedies.push([nowMs, remedy]);
  }
  return remedies;
}

test('a moving picture needs nothing', () => {
  assert.deepEqual(watch(60, (ms) => ms), []);
});

test('a picture that stands gets a jump, then new players', () => {
  assert.deepEqual(watch(40, () => 5), [[4000, 'jump'], [9000, 'rebuild'], [24_000, 'rebuild'], [39_000, 'rebuild']]);
});

test('a picture that moves every three seconds is left alone', () => {
  assert.deepEqual(watch(30, (ms) => Math.floor(ms / 3000)), []);
});

test('nobody waits for frames while paused, hidden or over', () => {
  assert.deepEqual(watch(60, () => 5, () => false), []);
  assert.deepEqual(watch(12, () => 5, (ms) => ms > 8000), [[12_000, 'jump']]);
});

test('after it moved again, the next stall starts with a jump', () => {
  assert.deepEqual(watch(14, (ms) => (ms > 9500 ? 6 : 5)), [[4000, 'jump'], [9000, 'rebuild'], [13_750, 'jump']]);
});
