import assert from 'node:assert/strict';
import { test } from 'node:test';

import { catchUpRate, LatencyTarget } from '../src/player/catch_up.ts';

test('plays at normal speed near the target', () => {
  assert.equal(catchUpRate({ latency: 0.7, target: 0.6, buffered: 0.5, rate: 1 }), 1);
  assert.equal(catchUpRate({ latency: 0.3, target: 0.6, buffered: 0.5, rate: 1.05 }), 1);
});

test('catches up gently, farther away briskly, and goes on until it is there', () => {
  assert.equal(catchUpRate({ latency: 0.9, target: 0.6, buffered: 0.5, rate: 1 }), 1.05);
  assert.equal(catchUpRate({ latency: 2, target: 0.6, buffered: 1.8, rate: 1 }), 1.1);
  assert.equal(catchUpRate({ latency: 0.7, target: 0.6, buffered: 0.5, rate: 1.05 }), 1.05);
  assert.equal(catchUpRate({ latency: 0.63, target: 0.6, buffered: 0.5, rate: 1.05 }), 1);
});

test('never hurries an almost empty buffer', () => {
  assert.equal(catchUpRate({ latency: 4, target: 0.6, buffered: 0.2, rate: 1.1 }), 1);
});

test('the target grows with stalls, has an end, and comes back', () => {
  const target = new LatencyTarget();
  assert.equal(target.seconds(0.6, 0), 0.6);
  target.stalled(1000);
  assert.equal(target.seconds(0.6, 2000), 0.85);
  assert.equal(target.seconds(0.6, 32_000), 0.6);
  for (let index = 0; index < 50; index++) target.stalled(40_000);
  assert.equal(target.seconds(0.5, 40_001), 2.5);
  assert.equal(target.seconds(0.5, 70_001), 2.25);
  assert.equal(target.seconds(0.5, 70_002), 2.25);
});
