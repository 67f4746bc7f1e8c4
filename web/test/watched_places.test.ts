import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WatchedPlaces } from '../src/player/watched_places.ts';

function places(): WatchedPlaces {
  const kept = new Map<string, string>();
  const store = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) };
  return new WatchedPlaces(() => store);
}

test('a recording goes on where it was left, and each has a place of its own', () => {
  const watched = places();
  watched.keep('a', 61.27, 300);
  watched.keep('b', 12, 300);
  assert.deepEqual([watched.of('a'), watched.of('b'), watched.of('c')], [61.3, 12, 0]);
});

test('what has hardly begun, and what is as good as seen, begins anew', () => {
  const watched = places();
  for (const seconds of [0, 4.9, 291, 300]) {
    watched.keep('a', 100, 300);
    watched.keep('a', seconds, 300);
    assert.equal(watched.of('a'), 0, `${seconds} s of 300 s`);
  }
  watched.keep('a', 8, NaN);
  assert.equal(watched.of('a'), 0);
});

test('where storage is forbidden, nothing is kept and nothing fails', () => {
  const watched = new WatchedPlaces(() => {
    throw new DOMException('no', 'SecurityError');
  });
  watched.keep('a', 60, 300);
  assert.equal(watched.of('a'), 0);
});
