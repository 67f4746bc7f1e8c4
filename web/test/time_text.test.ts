import assert from 'node:assert/strict';
import { test } from 'node:test';

import { durationText, latencyText } from '../src/lib/time_text.ts';

test('durations read as people say them', () => {
  assert.equal(durationText(-5000), 'just started');
  assert.equal(durationText(59_999), 'just started');
  assert.equal(durationText(60_000), '1 min');
  assert.equal(durationText(3_599_999), '59 min');
  assert.equal(durationText(3_900_000), '1 h 05 min');
});

test('latency has tenths below ten seconds, and is never below zero', () => {
  assert.equal(latencyText(-0.3), '0.0 s');
  assert.equal(latencyText(1.24), '1.2 s');
  assert.equal(latencyText(12.6), '13 s');
});
