// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { openEvents } from './lib/event_stream.js';
import { request } from './lib/http.js';
import { MailRelay, parseMail } from './lib/mail_relay.js';
import { guardian, putProfile, sql } from './lib/outbox.js';
import { scenario, scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const title = 'Burg „Löwenstein“ / ../🏰';

/** Calls as each of the people of the story. */
async function people(stage, node) {
  const tokens = {
    anna: await stage.token(node, { sub: 'anna' }),
    mum: await stage.token(node, { role: 'viewer', sub: 'mum' }),
    eve: await stage.token(node, { role: 'viewer', sub: 'eve' }),
    bob: await stage.token(node, { sub: 'bob' }),
    olga: await stage.token(node, { role: 'operator', sub: 'olga' }),
    ada: await stage.token(node, { role: 'admin', sub: 'ada' }),
    nobody: null,
  };
  return (who, method, at, { body, headers = {} } = {}) =>
    request(`${node.url}/api/recordings${at}`, {
      method,
      headers: { ...headers, ...(tokens[who] ? { authorization: `Bearer ${tokens[who]}` } : {}), ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
}

scenarioOnBoth('a session becomes a recording that its owner and guardians have, hear of, and delete', async (stage) => {
  const relay = await MailRelay.open(stage);
  const node = await stage.node({ env: relay.env });
  await putProfile(stage, node, 'anna', 'Anna', [guardian('mum', 'mum@example.org', 'de', ['recording']), guardian('dad', 'dad@example.org', 'en', [])]);
  const session = await stage.session(node, { sub: 'anna', body: { title, visibility: 'public' } });
  const ask = await people(stage, node);
  const events = await openEvents(node, session.id, { token: session.token });
  stage.viewer(() => events.close());
  await stage.publish(session, node.srtPort);
  await session.segments((await session.multivariant()).variants[0].track, 2);
  const live = await waitFor('the recording to be listed', async () => {
    const answer = await ask('mum', 'GET', `/${session.id}`);
    return answer.status === 200 && answer.json;
  });
  assert.deepEqual([live.state, live.kind, live.title, live.playback, live.download], ['recording', 'session', title, null, null]);
  assert.equal((await ask('anna', 'DELETE', `/${session.id}`)).status, 409, 'not while it is live');
  assert.equal((await ask('anna', 'GET', `/${session.id}/download`)).status, 409);
  await stage.end(session);

  const ended = Date.now();
  await waitFor('the recording to be ready', async () => (await ask('mum', 'GET', `/${session.id}`)).json.state === 'ready', { within: 60_000 });
  console.log(`ready ${Date.now() - ended} ms after the end`);
  await events.heard('that it is ready', ({ type, data }) => type === 'recording' && data.state === 'ready' && data.recordingId === session.id);
  assert.deepEqual(events.of('recording').map(({ data }) => data.state), ['recording', 'processing', 'ready']);
  assert.equal((await session.state(session.token)).recording.state, 'ready');
  const mail = await waitFor('the mail', () => relay.to('mum@example.org')[0]);
  const { headers, text } = parseMail(mail.raw);
  assert.equal(headers['content-language'], 'de');
  const link = new RegExp(`${node.url}/recordings\\?recording=${session.id}#token=(\\S+)`).exec(text);
  assert.ok(link, text);
  stage.secrets.add(link[1]);
  const followed = await request(`${node.url}/api/recordings/${session.id}`, { headers: { authorization: `Bearer ${link[1]}` } });
  assert.equal(followed.json.state, 'ready', 'the link in the mail lets its guardian in');

  const rights = { anna: [200, 302, 201], mum: [200, 302, 201], ada: [200, 302, 201], olga: [200, 403, 403], eve: [404, 404, 404], bob: [404, 404, 404], nobody: [404, 404, 404] };
  for (const [who, expected] of Object.entries(rights)) {
    const got = [await ask(who, 'GET', `/${session.id}`), await ask(who, 'GET', `/${session.id}/download`), await ask(who, 'POST', `/${session.id}/clips`, { body: { fromMs: 0, toMs: 1000 } })];
    assert.deepEqual(got.map(({ status }) => status), expected, who);
    if (got[0].status === 200) assert.equal(Boolean(got[0].json.playback), expected[1] === 302, `${who} plays`);
  }
  const listed = async (who) => (await ask(who, 'GET', '')).json.recordings?.filter(({ kind }) => kind === 'session').length;
  assert.deepEqual([await listed('anna'), await listed('mum'), await listed('olga'), await listed('ada'), await listed('eve'), await listed('bob'), await listed('nobody')], [1, 1, 1, 1, 0, 0, undefined]);

  const recording = (await ask('mum', 'GET', `/${session.id}`)).json;
  stage.secrets.add(recording.playback.token);
  assert.equal((await request(`${node.url}${recording.playback.hls}?token=${recording.playback.token}`)).status, 200);
  assert.equal((await request(`${node.url}${recording.playback.hls}`)).status, 401);
  assert.equal((await request(`${node.url}${recording.posterUrl}`)).status, 200);

  const { headers: found } = await ask('mum', 'GET', `/${session.id}/download`);
  assert.equal(found['cache-control'], 'no-store');
  const whole = await request(found.location);
  assert.equal(whole.status, 200);
  assert.equal(whole.body.length, recording.bytes);
  assert.equal(whole.body.toString('latin1', 4, 8), 'ftyp');
  assert.match(decodeURIComponent(/filename\*=UTF-8''(\S+)/.exec(whole.headers['content-disposition'])[1]), /^Burg „Löwenstein“ \.\. ?🏰 \d{4}-\d\d-\d\d \d\d-\d\d\.mp4$/);
  const part = await request(found.location, { headers: { range: 'bytes=4-7' } });
  assert.deepEqual([part.status, part.text], [206, 'ftyp']);
  assert.equal(new URL(found.location).searchParams.get('X-Amz-Expires'), '600');
  assert.equal((await request(found.location.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000'))).status, 403, 'nobody makes it hold for longer');
  const json = (await ask('mum', 'GET', `/${session.id}/download`, { headers: { accept: 'application/json' } })).json;
  assert.equal((await request(json.url)).status, 200);

  assert.deepEqual([(await ask('mum', 'DELETE', `/${session.id}`)).status, (await ask('olga', 'DELETE', `/${session.id}`)).status, (await ask('eve', 'DELETE', `/${session.id}`)).status], [403, 403, 404]);
  assert.equal((await ask('anna', 'DELETE', `/${session.id}`)).status, 204);
  assert.equal((await ask('anna', 'DELETE', `/${session.id}`)).status, 204);
  await waitFor('nothing to be left', async () => (await ask('anna', 'GET', `/${session.id}`)).status === 410, { within: 120_000 }); // clips are made of it meanwhile
  assert.equal((await request(found.location)).status, 404);
  const folder = path.join(stage.dataDir(), 'archive/recordings', session.id);
  assert.ok(!fs.existsSync(folder) || fs.readdirSync(folder).length === 0, 'every object is gone');
  await waitFor('the session not to be served on', async () => (await request(`${session.live}/index.m3u8`)).status === 410);
  const spooled = () => fs.readdirSync(path.join(stage.dataDir(), 'spool', session.id));
  await waitFor('nothing of it to be spooled', () => spooled().every((name) => name === 'end'));
  assert.equal(await sql(stage, "SELECT actor, action, target FROM audit_log WHERE action = 'recordings.delete'"), `anna|recordings.delete|${session.id}`);
  assert.equal(relay.to('mum@example.org').length, 1);
  assert.equal(relay.to('dad@example.org').length, 0);
}, { within: 90_000 });

scenario('a session that is not to be recorded leaves no recording', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node, { sub: 'anna', body: { record: false } });
  await stage.publish(session, node.srtPort);
  await waitFor('it to be live', async () => (await session.state(session.token)).state === 'live');
  assert.equal((await session.state(session.token)).recording, null);
  await stage.end(session);
  const { json } = await request(`${node.url}/api/recordings`, { headers: { authorization: `Bearer ${session.token}` } });
  assert.deepEqual(json.recordings, []);
});
