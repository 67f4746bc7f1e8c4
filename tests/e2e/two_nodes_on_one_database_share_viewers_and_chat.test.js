// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { openEvents } from './lib/event_stream.js';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';
import { WallClock } from './lib/wall_clock.js';

const secrets = { PORTHOLE_JWT_SECRET: 'j'.repeat(40), PORTHOLE_CLUSTER_SECRET: 'c'.repeat(40) };

const call = (node, method, path, token, body) =>
  request(`${node.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });

/* The second one's machine is an hour ahead: the time they go by is the database's. */
const twoNodes = async (stage) => {
  await stage.postgres();
  const nodes = [];
  for (const [name, ahead] of [['one', 0], ['two', 3600]]) {
    const { env } = await WallClock.make(stage, ahead);
    nodes.push(await stage.node({ roles: 'api', name, dataDir: stage.dataDir(name), env: { ...secrets, ...env } }));
  }
  return nodes;
};

scenario('two nodes on one database see each other\'s viewers and chat, and events resume on the other', async (stage) => {
  const [one, two] = await twoNodes(stage);
  const session = await stage.session(one, { body: { visibility: 'public' } });
  const grandmother = await stage.token(two, { role: 'viewer', sub: 'grandmother' });
  const [here, there] = [await openEvents(one, session.id), await openEvents(two, session.id)];
  for (const stream of [here, there]) await stream.heard('how things stand', (event) => event.type === 'state');

  const joined = await Promise.all([one, two, two].map((node) => call(node, 'POST', `/api/sessions/${session.id}/viewers`)));
  for (const stream of [here, there]) {
    await stream.heard('three viewers', (event) => event.type === 'viewers' && event.data.viewers === 3, { within: 30_000 });
    assert.ok(stream.of('viewers').every((event) => event.id === undefined), 'figures have no number');
  }
  const { viewerId } = joined[0].json;
  assert.equal((await call(two, 'PUT', `/api/sessions/${session.id}/viewers/${viewerId}`)).status, 204, 'a beat may go to either');
  assert.equal((await call(two, 'DELETE', `/api/sessions/${session.id}/viewers/${viewerId}`)).status, 204);
  await here.heard('two viewers', (event) => event.type === 'viewers' && event.data.viewers === 2);
  assert.equal((await session.state(session.token)).viewers, 2);

  const said = await call(two, 'POST', `/api/sessions/${session.id}/chat`, grandmother, { text: 'From the other node <b>', name: 'Oma' });
  assert.equal(said.status, 201, said.text);
  await here.heard('what was said on the other node', (event) => event.type === 'chat' && event.data.text === 'From the other node <b>');
  const { lastEventId } = here;
  here.close();
  for (let i = 0; i < 3; i++) assert.equal((await call(one, 'POST', `/api/sessions/${session.id}/chat`, session.token, { text: `missed ${i}` })).status, 201);

  const back = await openEvents(two, session.id, { lastEventId });
  await back.heard('the last of what was missed', (event) => event.data.text === 'missed 2');
  assert.deepEqual(back.of('chat').map((event) => event.data.text), ['missed 0', 'missed 1', 'missed 2'], 'all of it, and nothing twice');
  assert.deepEqual(back.of('reset'), []);
  await waitFor('the node that heard all along to have the same', () => there.of('chat').length === 4);
  assert.deepEqual(there.of('chat').map((event) => event.id), [...new Set(there.of('chat').map((event) => event.id))].sort((a, b) => a - b));

  const mute = `/api/sessions/${session.id}/chat/mutes/${said.json.author.id}`;
  assert.equal((await call(one, 'PUT', mute, session.token)).status, 204);
  assert.equal((await call(two, 'POST', `/api/sessions/${session.id}/chat`, grandmother, { text: 'again' })).status, 403, 'muted on either');

  const stopped = two.stop();
  await waitFor('the streams of the node that stops to end', () => back.ended && there.ended);
  assert.equal((await stopped).code, 0);
});

scenario('a guardian who is taken off the list hears no more', async (stage) => {
  const [one, two] = await twoNodes(stage);
  const session = await stage.session(one, { body: { visibility: 'private' }, sub: 'child' });
  const admin = await stage.token(one, { role: 'admin', sub: 'admin' });
  const guardian = await stage.token(one, { role: 'viewer', sub: 'guardian' });
  const profile = (guardians) => call(one, 'PUT', '/api/profiles/child', admin, { displayName: 'Child', guardians });
  assert.equal((await openEvents(two, session.id, { token: guardian })).status, 404, 'nobody yet');
  const put = await profile([{ subject: 'guardian' }]);
  assert.equal(put.status, 200, put.text);
  const stream = await openEvents(two, session.id, { token: guardian });
  await stream.heard('how things stand', (event) => event.type === 'state');
  assert.equal((await profile([])).status, 200);
  await waitFor('the stream to end', () => stream.ended, { within: 30_000 });
});
