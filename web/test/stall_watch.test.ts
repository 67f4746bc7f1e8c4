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
  assert.deepEqual(watch(15, (ms) => Math.min(Math.max(ms, 9500), 10_500)), [[4000, 'jump'], [9000, 'rebuild'], [14_500, 'jump']]);
});

test('a jump that brings a single frame is no movement: the picture still stands, and a new player comes', () => {
  const stalls = new StallWatch();
  const at = (nowMs: number, mark: number): StallRemedy => stalls.observe({ nowMs, mark, expected: true });
  at(0, 5);
  assert.equal(stalls.stands, false);
  assert.equal(at(4000, 5), 'jump');
  assert.equal(at(4250, 6), 'none');
  assert.equal(stalls.stands, true);
  assert.equal(at(9000, 6), 'rebuild');
  for (const look of [1, 2, 3]) at(9000 + look * 250, 6 + look);
  assert.equal(stalls.stands, false);
});
