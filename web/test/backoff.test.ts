import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoffMs } from '../src/lib/backoff.ts';

const backoff = { firstMs: 500, mostMs: 8000 };

test('waits double and stop growing at the most', () => {
  const longest = [0, 1, 2, 3, 4, 5, 1000].map((attempt) => backoffMs(attempt, backoff, () => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test('half of a wait is random', () => {
  assert.equal(backoffMs(1, backoff, () => 0), 500);
  assert.equal(backoffMs(1, backoff, () => 0.5), 750);
});
