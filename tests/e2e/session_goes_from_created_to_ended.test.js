// Runs beside others: it measures no time.
import assert from 'node:assert/strict';
import { fetchWhole, request } from './lib/http.js';
import { scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const listed = async (node, token) => {
  const { json } = await fetchWhole(`${node.url}/api/sessions/active`, { headers: { authorization: `Bearer ${token}` } });
  return JSON.stringify(json);
};

scenarioOnBoth('a session is created, live, listed, ended and gone, and says so at each step', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_LOG_LEVEL: 'debug' } });
  const session = await stage.session(node, { body: { title: 'Our first try', visibility: 'public' } });
  assert.equal((await session.state(session.token)).state, 'created');
  assert.equal((await request(`${session.live}/index.m3u8`)).status, 404, 'nothing to see before media arrives');

  const askedAt = Date.now();
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  assert.ok(Date.now() - askedAt < 20_000, `${Date.now() - askedAt} ms until it can be watched`);
  const live = await waitFor('the state live', async () => {
    const state = await session.state(session.token);
    return state.state === 'live' && state;
  });
  assert.equal(live.title, 'Our first try');
  const viewer = await stage.token(node, { role: 'viewer', sub: 'viewer-1' });
  assert.ok((await listed(node, viewer)).includes(session.id), 'it is listed');
  assert.ok(!(await listed(node, viewer)).includes(session.key), 'without its key');

  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 1);
  const header = await fetchWhole(`${session.live}/v360/init.mp4`);
  await stage.end(session);
  await stage.end(session);
  await waitFor('ENDLIST', () => watch.ended, { within: 30_000 });
  assert.equal((await session.state(session.token)).state, 'ended');
  const figures = await waitFor('the figures of what was sent', async () => {
    const { json } = await fetchWhole(`${node.url}/api/analytics/sessions/${session.id}`, { headers: { authorization: `Bearer ${session.token}` } });
    return json.delivered.playlistBytes > 0 && json.delivered.mediaBytes > 0 && json;
  }, { within: 60_000 });
  assert.ok(figures.delivered.playlistRequests > 0);
  assert.deepEqual([figures.delivered.mediaRequests, figures.delivered.mediaBytes], [1, header.body.length]);
  assert.ok(!(await listed(node, viewer)).includes(session.id), 'it is listed no more');

  const other = await stage.token(node, { sub: 'somebody-else' });
  const answer = await request(`${node.url}/api/sessions/end/${session.id}`, { method: 'POST', headers: { authorization: `Bearer ${other}` } });
  assert.ok([403, 404].includes(answer.status), `somebody else's session: ${answer.status}`);
});

scenarioOnBoth('a private session is shown to its owner and to who holds its token, and to nobody else', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node, { body: { visibility: 'private' } });
  const invited = await stage.token(node, { role: 'viewer', sub: 'grandmother', session: session.id });
  const stranger = await stage.token(node, { role: 'viewer', sub: 'stranger' });
  const operator = await stage.token(node, { role: 'operator', sub: 'operator' });
  const status = async (token) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    return (await request(`${node.url}/api/sessions/${session.id}`, { headers })).status;
  };
  for (const token of [session.token, session.answer.playback.token, invited, operator]) assert.equal(await status(token), 200);
  for (const token of [undefined, stranger]) assert.ok([401, 403, 404].includes(await status(token)));
  assert.ok(!(await listed(node, stranger)).includes(session.id), 'strangers do not see it listed');
});
