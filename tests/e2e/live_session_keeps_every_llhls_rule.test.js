import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { parsePlaylist } from './lib/playlist.js';
import { tolerance } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

scenario('a live session of three tracks keeps every rule of low-latency HLS from its first part to its end', async (stage) => {
  const { session } = await stage.live();
  const rules = stage.rules(session);
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 2);
  const requests = stage.rules(session, { requests: true });
  await session.segments('v360', 9);
  await stage.end(session);
  await waitFor('ENDLIST', () => watch.ended, { within: 30_000 });
  await rules.hold();
  await requests.hold();
  assert.deepEqual(watch.skipped(), []);
  assert.deepEqual(watch.problems, []);
  assert.ok(watch.longestGap() <= 400 + tolerance, `no part for ${watch.longestGap()} ms`);
  const { text } = await request(`${session.live}/v360/index.m3u8?_HLS_msn=999&_HLS_part=0`);
  assert.ok(parsePlaylist(text).ended, 'directives after the end are ignored');
}, { within: 90_000 });

scenario('a hinted part is held until it is whole, and comes in one piece', async (stage) => {
  const { session } = await stage.live();
  await session.segments('v360', 1);
  for (let i = 0; i < 5; i++) {
    const { hint } = await session.playlist('v360');
    const answer = await request(`${session.live}/v360/${hint}`);
    assert.equal(answer.status, 200);
    assert.equal(Number(answer.headers['content-length']), answer.body.length);
    assert.ok(answer.pieces === 1 || answer.endedAt - answer.firstByteAt < 150, `no trickle: ${answer.pieces} pieces`);
  }
});
