import assert from 'node:assert/strict';
import { countFrames } from './lib/frames.js';
import { fetchWhole } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

scenario('an origin killed and started again comes back with its window, and no part is lost', async (stage) => {
  const { origin, api, ingest } = await stage.cluster();
  const session = await stage.session(api, { origin });
  await stage.publish(session, ingest.srtPort);
  await session.multivariant();
  const watch = stage.watch(session, 'v360');
  const from = await stage.steady(session, { node: ingest });
  await session.segments('v360', 3);
  const before = await session.playlist('v360');
  const oldest = before.segments[0];
  const kept = (await fetchWhole(`${session.live}/v360/${oldest.uri}`)).body;

  await origin.kill();
  await origin.restart();
  const back = await waitFor('the window to be back', () => session.playlist('v360'));
  assert.ok(back.segments.some((segment) => segment.msn === oldest.msn), 'finished segments are listed again');
  assert.deepEqual((await fetchWhole(`${session.live}/v360/${oldest.uri}`)).body, kept, 'and have the same bytes');

  const resumedAt = Date.now();
  await session.segments('v360', 3);
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  assert.ok(watch.longestGap(resumedAt + 4_000) < 1_000, 'parts come at their pace again');
  const to = (await session.playlist('v360')).segments.at(-1).msn;
  const picture = await countFrames(await stage.download(session, 'v360', from, to));
  assert.equal(picture.all, 60 * (to - from + 1));
  assert.ok(picture.moving >= picture.all * 0.95, `${picture.all - picture.moving} frames stand still`);
  await stage.rules(session).holdFor(6_000);
}, { within: 90_000 });

scenario('a worker and the origin killed together lose nothing that was acknowledged', async (stage) => {
  const { origin, api, ingest, worker } = await stage.cluster();
  const session = await stage.session(api, { origin });
  await stage.publish(session, ingest.srtPort);
  await session.multivariant();
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 2);
  const [busy] = worker.workers();
  process.kill(busy.pid, 'SIGKILL');
  await origin.kill();
  await origin.restart();
  await waitFor('the session to go on', async () => (await session.playlist('v360')).segments.length > 0);
  await session.segments('v360', 4);
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
}, { within: 90_000 });
