import assert from 'node:assert/strict';
import { recordingIn } from './lib/archived.js';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { pause, waitFor } from './lib/wait.js';

const headers = (token) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });

/** Calls until the database is known to be away; every answer is good, or a 503 that says when to come again. */
async function untilUnavailable(node, token) {
  await waitFor('the API to say 503', async () => {
    const answer = await request(`${node.url}/api/sessions/active`, { headers: headers(token) });
    assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    if (answer.status === 503) assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
    return answer.status === 503;
  });
}

scenario('PostgreSQL is gone for ten seconds: live sessions go on, the API says so, and everything catches up', async (stage) => {
  const postgres = await stage.postgres();
  const node = await stage.node();
  const live = await stage.session(node);
  const ending = await stage.session(node);
  const publishers = [await stage.publish(live, node.srtPort), await stage.publish(ending, node.srtPort)];
  await live.multivariant();
  await ending.multivariant();
  const watch = stage.watch(live, 'v360');
  await waitFor('the state live', async () => (await live.state(live.token)).state === 'live');

  await postgres.stop();
  const goneAt = Date.now();
  await untilUnavailable(node, live.token);
  const start = await request(`${node.url}/api/sessions/start`, { method: 'POST', headers: headers(live.token), body: '{}' });
  assert.equal(start.status, 503);
  assert.match(start.headers['content-type'], /problem\+json/);
  await waitFor('the node to say that its database is away', async () => (await request(`${node.url}/health`)).status === 503);

  // What happens meanwhile is written once the database is back.
  await publishers[1].stop();
  await live.segments('v360', 4);
  assert.ok(publishers[0].running, 'the publisher stays connected');
  await waitFor('ten seconds without a database', () => Date.now() - goneAt > 10_000);

  await postgres.serve();
  await waitFor('the API to answer', async () => (await request(`${node.url}/api/sessions/active`, { headers: headers(live.token) })).status === 200);
  assert.equal((await live.state(live.token)).state, 'live');
  await waitFor('the loss of the publisher to be known', async () => (await ending.state(ending.token)).state === 'reconnecting');
  await live.segments('v360', 1);
  assert.deepEqual(watch.problems, [], 'the viewer saw nothing of it');
  const created = await stage.session(node);
  assert.equal((await created.state(created.token)).state, 'created', 'a session can be started again');
  await stage.end(live);
  await waitFor('ENDLIST', () => watch.ended, { within: 30_000 });
});

scenario('PostgreSQL restarted under requests: none fails but by 503, and what was acknowledged is there', async (stage) => {
  const postgres = await stage.postgres();
  const node = await stage.node();
  const token = await stage.token(node, { sub: 'streamer-2' });
  const acknowledged = [];
  let going = true;
  const started = async (sub) => {
    const own = await stage.token(node, { sub });
    while (going) {
      const answer = await request(`${node.url}/api/sessions/start`, { method: 'POST', headers: headers(own), body: '{}' });
      assert.ok([201, 503].includes(answer.status), `${answer.status} ${answer.text}`);
      if (answer.status === 201) acknowledged.push(answer.json.sessionId);
      else await pause(50);
    }
  };
  const callers = ['a', 'b', 'c', 'd'].map(started);
  await waitFor('some sessions', () => acknowledged.length > 20);
  for (const signal of ['SIGQUIT', 'SIGINT']) {
    await postgres.stop(signal);
    await untilUnavailable(node, token);
    await postgres.serve();
    const before = acknowledged.length;
    await waitFor('sessions to be started again', () => acknowledged.length > before + 20);
  }
  going = false;
  await Promise.all(callers);
  const kept = new Set((await postgres.query('SELECT id FROM sessions')).split('\n'));
  for (const id of acknowledged) assert.ok(kept.has(id), `${id} was acknowledged and is lost`);
});

scenario('PostgreSQL is a standby for a while, as when another is to become the primary: what happens meanwhile is written afterwards', async (stage) => {
  const postgres = await stage.postgres();
  const node = await stage.node({ env: { PORTHOLE_RECONNECT_WINDOW_S: '1' } });
  const session = await stage.session(node);
  const publisher = await stage.publish(session, node.srtPort);
  await session.multivariant();
  await session.segments('v360', 1);
  await waitFor('the state live', async () => (await session.state(session.token)).state === 'live');

  await postgres.serveReadOnly();
  await publisher.stop();
  await recordingIn(node.dataDir, session.id); // the session is over, and its recording made
  const start = await request(`${node.url}/api/sessions/start`, { method: 'POST', headers: headers(session.token), body: '{}' });
  assert.equal(start.status, 503, start.text);
  await waitFor('the health to say so', async () => (await request(`${node.url}/health`)).status === 503);

  await postgres.promote();
  await waitFor('the end to be known', async () => (await session.state(session.token)).state === 'ended');
  const recording = async () => (await request(`${node.url}/api/recordings/${session.id}`, { headers: headers(session.token) })).json;
  await waitFor('the recording to be ready', async () => (await recording()).state === 'ready', { within: 120_000 });
}, { within: 90_000 });
