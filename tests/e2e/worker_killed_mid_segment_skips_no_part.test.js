import assert from 'node:assert/strict';
import { countFrames, frameTimes } from './lib/frames.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

scenario('a worker killed in the middle of a segment: the next part comes within 2 s, and none is skipped', async (stage) => {
  const { node, session } = await stage.live();
  const rules = stage.rules(session, { except: lateness });
  const watches = ['v360', 'v240', 'audio'].map((track) => stage.watch(session, track));
  const from = await stage.steady(session);

  for (let round = 0; round < 2; round++) {
    const [worker] = node.workers();
    const before = watches[0].last;
    await waitFor('the middle of a segment', () => watches[0].last.part >= 3 && watches[0].last.part <= 6, { every: 5 });
    const killedAt = Date.now();
    process.kill(worker.pid, 'SIGKILL');
    await waitFor('the next part', () => watches[0].last.msn > before.msn + 1 && watches[0].last.at > killedAt);
    await session.segments('v360', 2);
    for (const watch of watches) {
      assert.ok(watch.longestGap(killedAt) <= 2_000, `${watch.url}: no part for ${watch.longestGap(killedAt)} ms`);
    }
  }

  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), [], watch.url);
    assert.equal(watch.discontinuities, 0, watch.url);
    assert.deepEqual(watch.problems, [], watch.url);
  }
  const to = (await session.playlist('v360')).segments.at(-1).msn;
  const picture = await countFrames(await stage.download(session, 'v360', from, to));
  assert.equal(picture.all, 60 * (to - from + 1), 'every segment holds its 60 frames');
  assert.ok(picture.moving >= picture.all * 0.95, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
  const sound = await frameTimes(await stage.download(session, 'audio', from, to), 'a');
  for (let i = 1; i < sound.length; i++) {
    assert.ok(Math.abs(sound[i] - sound[i - 1] - 1024 / 48000) < 1e-4, `the sound jumps at ${sound[i]} s`);
  }
  await rules.hold();
}, { within: 90_000 });
