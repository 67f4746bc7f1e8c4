import assert from 'node:assert/strict';
import { fetchWhole, request } from './lib/http.js';
import { clusterSecret, makePlaybackToken } from './lib/playback_token.js';
import { parsePlaylist, withoutTokens } from './lib/llhls/playlist.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const guardians = (...subjects) => JSON.stringify({ displayName: 'Alice', guardians: subjects.map((subject) => ({ subject })) });

async function putGuardians(node, admin, ...subjects) {
  const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' };
  const answer = await request(`${node.url}/api/profiles/streamer-1`, { method: 'PUT', headers, body: guardians(...subjects) });
  assert.equal(answer.status, 200, answer.text);
}

/** What the API tells a person of the session. */
const look = (node, session, token) => request(`${node.url}/api/sessions/${session.id}`, { headers: { authorization: `Bearer ${token}` } });

async function playbackToken(stage, node, session, token) {
  const answer = await look(node, session, token);
  assert.equal(answer.status, 200, answer.text);
  stage.secrets.add(answer.json.playback.token);
  return answer.json.playback.token;
}

async function privateStage(stage) {
  const node = await stage.node();
  const [admin, mum, dad] = await Promise.all([
    stage.token(node, { role: 'admin', sub: 'ada' }),
    stage.token(node, { role: 'viewer', sub: 'mum' }),
    stage.token(node, { role: 'viewer', sub: 'dad' }),
  ]);
  await putGuardians(node, admin, 'mum', 'dad');
  const session = await stage.session(node, { body: { visibility: 'private' } });
  const publisher = await stage.publish(session, node.srtPort);
  const tokens = [await playbackToken(stage, node, session, mum), await playbackToken(stage, node, session, dad)];
  await waitFor('the session to be live', () => fetchWhole(`${session.live}/index.m3u8?token=${tokens[0]}`));
  return { node, session, publisher, admin, mum, dad, tokens };
}

/** Every kind of file of a track, as its playlist names them. */
async function filesOf(session, track, token) {
  const playlist = parsePlaylist((await fetchWhole(`${session.live}/${track}/index.m3u8?token=${token}`)).text);
  const segment = playlist.segments.at(-1);
  return ['index.m3u8', 'init.mp4', segment.uri, segment.parts[0].uri].map((name) => `${track}/${name}`);
}

/** Statuses of the files with this token (null: none). */
async function statuses(session, files, token) {
  const answers = await Promise.all(files.map((file) => request(`${session.live}/${file}${token === null ? '' : `?token=${token}`}`)));
  return [...new Set(answers.map(({ status }) => status))];
}

/** Plays one track by blocking reloads and hinted parts until it is refused: {status, at}. */
async function playUntilRefused(session, track, token) {
  for (;;) {
    const answer = await request(`${session.live}/${track}/index.m3u8?token=${token}`);
    if (answer.status !== 200) return { status: answer.status, at: answer.endedAt };
    const { hints } = parsePlaylist(answer.text);
    const part = await request(`${session.live}/${track}/${hints[0].URI}?token=${token}`);
    if (part.status !== 200) return { status: part.status, at: part.endedAt };
  }
}

scenario('a private session keeps every rule for two guardians, and shows nothing to anybody else', async (stage) => {
  const { node, session, tokens, mum } = await privateStage(stage);
  const files = await waitFor('a whole segment', () => filesOf(session, 'v360', tokens[0]));
  const rules = stage.rules(session, { tokens });
  files.push('index.m3u8', 'thumb.jpg');
  await waitFor('a picture', () => fetchWhole(`${session.live}/thumb.jpg?token=${tokens[0]}`));
  const now = Math.floor(Date.now() / 1000);
  const secret = clusterSecret(node);
  const other = await stage.session(node, { body: { visibility: 'private' } });
  const otherToken = (await look(node, other, mum)).json.playback.token;

  assert.deepEqual(await statuses(session, files, tokens[0]), [200]);
  assert.deepEqual(await statuses(session, files, tokens[1]), [200]);
  assert.deepEqual(await statuses(session, files, null), [401]);
  assert.deepEqual(await statuses(session, files, ''), [401]);
  for (const wrong of ['x', `${tokens[0]}x`, tokens[0].replace(/^\d+/, String(now + 1)), otherToken, mum,
    makePlaybackToken(secret, { session: session.id, issued: now - 301 }), makePlaybackToken(secret, { session: other.id }),
    makePlaybackToken('0'.repeat(32), { session: session.id }), makePlaybackToken(secret, { session: session.id, expires: now + 86_400 })]) {
    assert.deepEqual(await statuses(session, files, wrong), [403], wrong);
  }

  const stranger = await stage.token(node, { role: 'viewer', sub: 'stranger' });
  assert.equal((await look(node, session, stranger)).status, 404);
  assert.equal((await request(`${node.url}/api/sessions/${session.id}`)).status, 404);

  const [one, two] = await Promise.all(tokens.map((token) => fetchWhole(`${session.live}/index.m3u8?token=${token}`)));
  assert.ok(one.body.equals(two.body));
  assert.match(one.headers['cache-control'], /^private, max-age=/);
  assert.ok(!one.text.includes(tokens[0]) && one.text.includes('{$token}') && !withoutTokens(one.text).includes('?'));
  const refused = await request(`${session.live}/index.m3u8`);
  assert.equal(refused.headers['cache-control'], 'no-store');
  assert.equal(refused.headers['access-control-allow-origin'], '*');
  const { segments } = parsePlaylist((await fetchWhole(`${session.live}/v360/index.m3u8?token=${tokens[0]}`)).text);
  await fetchWhole(`${session.live}/v360/index.m3u8?token=${tokens[0]}&_HLS_msn=${segments.at(-1).msn + 1}`);
  const requests = stage.rules(session, { requests: true, tokens });
  await rules.holdFor(12_000);
  await requests.hold();
}, { within: 90_000 });

scenario('who is no guardian any more is out within a target duration, and what is private stays so after a restart', async (stage) => {
  const { node, session, admin, mum, dad, tokens } = await privateStage(stage);
  await waitFor('a whole segment', () => filesOf(session, 'v360', tokens[0]));
  const watching = playUntilRefused(session, 'v360', tokens[1]);
  const begun = Date.now();
  await putGuardians(node, admin, 'mum');
  const { status, at } = await watching;
  assert.equal(status, 403);
  assert.ok(at - begun < 2_000, `out after ${at - begun} ms`);
  assert.equal((await look(node, session, dad)).status, 404);
  assert.equal((await request(`${session.live}/v360/index.m3u8?token=${tokens[0]}`)).status, 200);

  const short = makePlaybackToken(clusterSecret(node), { session: session.id, expires: Math.floor(Date.now() / 1000) + 2 });
  const expired = await playUntilRefused(session, 'v360', short);
  assert.equal(expired.status, 403);
  assert.ok(expired.at - begun < 6_000);

  await node.kill();
  await node.start();
  assert.equal((await request(`${session.live}/v360/init.mp4`)).status, 401);
  const fresh = await playbackToken(stage, node, session, mum);
  assert.equal((await request(`${session.live}/v360/init.mp4?token=${fresh}`)).status, 200);
  await waitFor('the restarted origin to know who is out', async () =>
    (await request(`${session.live}/v360/init.mp4?token=${tokens[1]}`)).status === 403, { within: 30_000 });
}, { within: 60_000 });
