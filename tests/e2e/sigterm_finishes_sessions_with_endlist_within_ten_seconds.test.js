import assert from 'node:assert/strict';
import { scenario } from './lib/stage.js';

scenario('SIGTERM finishes the last segment, serves ENDLIST, tells the publisher and exits within ten seconds', async (stage) => {
  const { node, session, publisher } = await stage.live();
  const watches = ['v360', 'v240', 'audio'].map((track) => stage.watch(session, track));
  await session.segments('v360', 2);
  const toldAt = Date.now();
  const { code, signal } = await node.stop(12_000);
  assert.equal(signal, null);
  assert.equal(code, 0);
  assert.ok(Date.now() - toldAt <= 10_000, `it took ${Date.now() - toldAt} ms`);
  await Promise.all(watches.map((watch) => watch.stop())); // what was answered is taken
  for (const watch of watches) {
    assert.ok(watch.ended, `${watch.url}: the viewer never saw ENDLIST: ${JSON.stringify(watch.problems.slice(0, 3))}`);
    assert.deepEqual(watch.skipped(), [], watch.url);
    assert.ok(!watch.text.includes('EXT-X-PRELOAD-HINT'), 'an ended playlist hints nothing');
    assert.ok(!watch.text.includes('EXT-X-RENDITION-REPORT'), 'an ended playlist reports nothing');
  }
  await publisher.ended();
});

scenario('SIGTERM without a session exits at once', async (stage) => {
  const node = await stage.node();
  const toldAt = Date.now();
  assert.equal((await node.stop()).code, 0);
  assert.ok(Date.now() - toldAt < 6_000, `it took ${Date.now() - toldAt} ms`);
});
