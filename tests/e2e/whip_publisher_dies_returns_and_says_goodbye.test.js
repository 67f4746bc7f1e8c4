import assert from 'node:assert/strict';
import { countFrames, loudness } from './lib/frames.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const state = async (session) => (await session.state(session.token)).state;

async function assertMoves(stage, session, segments) {
  const playlist = await session.segments('v360', segments + 1);
  const [from, to] = [playlist.segments.at(-segments).msn, playlist.segments.at(-1).msn];
  const picture = await countFrames(await stage.download(session, 'v360', from, to));
  assert.equal(picture.all, 60 * segments);
  assert.ok(picture.all - picture.moving <= 3 * segments, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
  assert.ok((await loudness(await stage.download(session, 'audio', from, to))).mean > -40, 'the tone is heard');
}

scenario('H.264 and Opus over WHIP play as any source: through a killed worker, a publisher that dies, and one that says goodbye', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  let publisher = await stage.whip(session);
  const { variants, audio } = await session.multivariant();
  assert.deepEqual([variants.length, audio.length], [2, 1]);
  const rules = stage.rules(session, { except: lateness });
  const watches = ['v360', 'audio'].map((track) => stage.watch(session, track));
  await stage.steady(session);
  await assertMoves(stage, session, 2);

  const killedAt = Date.now();
  process.kill(node.workers()[0].pid, 'SIGKILL');
  await session.segments('v360', 2);
  for (const watch of watches) assert.ok(watch.longestGap(killedAt) <= 2_000, `${watch.url}: no part for ${watch.longestGap(killedAt)} ms`);

  const goneAt = Date.now();
  await publisher.kill();
  publisher = await waitFor('the key to be free, and a new publisher to be taken', () => stage.whip(session), { within: 60_000, every: 200 });
  await waitFor('the session to be live again', async () => (await state(session)) === 'live');
  await assertMoves(stage, session, 1);
  for (const watch of watches) assert.ok(watch.longestGap(goneAt) <= 1_000, `${watch.url}: stood still for ${watch.longestGap(goneAt)} ms`);

  await publisher.end();
  await node.logged('the goodbye', ({ msg, reason }) => msg === 'publisher lost' && /^the publisher (ended|closed) it$/.test(reason));
  await waitFor('the session to wait for its publisher', async () => (await state(session)) === 'reconnecting');
  await stage.end(session);
  await waitFor('ENDLIST', () => watches[0].ended);
  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), [], watch.url);
    assert.equal(watch.discontinuities, 0, watch.url);
  }
  await rules.hold();
}, { within: 90_000 });
