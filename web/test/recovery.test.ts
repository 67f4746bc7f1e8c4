import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Recovery } from '../src/player/recovery.ts';

test('network errors resume twice, then rebuild for ever, with growing waits', () => {
  const recovery = new Recovery(() => 1);
  const plans = Array.from({ length: 8 }, () => recovery.plan('network', 0));
  assert.deepEqual(plans.map(({ remedy }) => remedy), ['resume', 'resume', ...Array<string>(6).fill('rebuild')]);
  assert.deepEqual(plans.map(({ afterMs }) => afterMs), [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
});

test('a picture that moves again forgets the attempts', () => {
  const recovery = new Recovery(() => 1);
  for (let index = 0; index < 5; index++) recovery.plan('network', 0);
  recovery.settled();
  assert.deepEqual(recovery.plan('network', 0), { remedy: 'resume', afterMs: 500 });
});

test('a media error is recovered in place, a second one soon after rebuilds', () => {
  const recovery = new Recovery(() => 1);
  assert.deepEqual(recovery.plan('media', 1000), { remedy: 'recover-media', afterMs: 0 });
  assert.equal(recovery.plan('media', 5000).remedy, 'rebuild');
  assert.equal(recovery.plan('media', 20_000).remedy, 'recover-media');
});

test('anything else rebuilds', () => {
  assert.equal(new Recovery().plan('other', 0).remedy, 'rebuild');
});
