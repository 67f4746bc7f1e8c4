// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { countFrames } from './lib/frames.js';
import { fetchWhole, request } from './lib/http.js';
import { attributes, takesTokens, withoutTokens } from './lib/llhls/playlist.js';
import { recordSession } from './lib/recording_fixture.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const statusOf = async (url) => (await request(url)).status;

/** The lines of a playlist as [{duration, uri, range, date}]. */
function segmentsOf(text) {
  const found = [];
  let next = {};
  for (const line of withoutTokens(text).split('\n').filter(Boolean)) {
    if (line.startsWith('#EXTINF:')) next.duration = Number.parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-BYTERANGE:')) next.range = Number.parseInt(line.slice(17), 10);
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) next.date = Date.parse(line.slice(25));
    else if (!line.startsWith('#')) {
      found.push({ ...next, uri: line });
      next = {};
    }
  }
  return found;
}

/** What the multivariant playlist says is what the segments are. */
function checkBandwidths(text, recording) {
  const lines = withoutTokens(text).split('\n');
  const rateOf = (name) => {
    const { segments } = recording.manifest.tracks.find((track) => track.name === name);
    const { timescale } = recording.manifest.publication.tracks.find((track) => track.name === name);
    const rates = segments.filter(([, , ticks]) => ticks > timescale).map(([, , ticks, bytes]) => (8 * bytes * timescale) / ticks);
    const ticks = segments.reduce((sum, [, , duration]) => sum + duration, 0);
    return { peak: Math.max(...rates), average: (8 * timescale * segments.reduce((sum, [, , , bytes]) => sum + bytes, 0)) / ticks };
  };
  const audio = rateOf('audio');
  lines.forEach((line, index) => {
    if (!line.startsWith('#EXT-X-STREAM-INF:')) return;
    const said = attributes(line);
    const video = rateOf(lines[index + 1].split('/')[0]);
    assert.ok(Math.abs(Number(said['AVERAGE-BANDWIDTH']) - video.average - audio.average) <= 2, `${line}: ${video.average} + ${audio.average}`);
    assert.ok(Number(said.BANDWIDTH) >= video.peak + audio.peak - 2 && Number(said.BANDWIDTH) <= 1.5 * (video.peak + audio.peak), `${line}: ${video.peak} + ${audio.peak}`);
  });
}

scenario('a recording lists every segment of the session, with the same bytes, and its key frames alone', async (stage) => {
  const { node, session, live, recording } = await recordSession(stage);
  const query = `?token=${recording.token()}`;
  const { text, headers } = await fetchWhole(`${recording.url}/index.m3u8${query}`);
  assert.match(headers['cache-control'], /^private, max-age=60$/);
  assert.deepEqual(takesTokens(text), { isPrivate: true, complete: true });
  checkBandwidths(text, recording);

  for (const [name, { init, segments }] of Object.entries(live)) {
    const playlist = (await fetchWhole(`${recording.url}/${name}/index.m3u8${query}`)).text;
    assert.match(playlist, /#EXT-X-PLAYLIST-TYPE:VOD\n/);
    assert.ok(playlist.endsWith('\n#EXT-X-ENDLIST\n'));
    const listed = segmentsOf(playlist);
    assert.deepEqual(listed.map(({ uri, duration }) => [uri, duration]), segments.map(({ msn, duration }) => [`${msn}.m4s`, duration]));
    listed.slice(1).forEach(({ date }, index) => assert.ok(Math.abs(date - listed[index].date - 1000 * listed[index].duration) <= 1));
    assert.ok((await fetchWhole(`${recording.url}/${name}/init.mp4${query}`)).body.equals(init));
    for (const { msn, body } of segments) {
      const answer = await fetchWhole(`${recording.url}/${name}/${msn}.m4s${query}`);
      assert.ok(answer.body.equals(body), `${name}/${msn}`);
      assert.equal(answer.headers['cache-control'], 'private, max-age=86400, immutable');
    }
  }

  // Each key frame alone, as a player that shows pictures while seeking asks for it.
  const { init } = live.v360;
  const frames = segmentsOf((await fetchWhole(`${recording.url}/v360/iframes.m3u8${query}`)).text);
  assert.equal(frames.length, live.v360.segments.length);
  for (const { uri, range } of frames) {
    const answer = await request(`${recording.url}/v360/${uri}${query}`, { headers: { range: `bytes=0-${range - 1}` } });
    assert.equal(answer.status, 206);
    const file = path.join(stage.folder, `key-${uri}.mp4`);
    fs.writeFileSync(file, Buffer.concat([init, answer.body]));
    assert.equal((await countFrames(file)).all, 1, `${uri} has one key frame in its first ${range} bytes`);
  }
  assert.equal(await statusOf(`${recording.url}/audio/iframes.m3u8${query}`), 404);

  // The session's own recording says the same of the same segments.
  const own = `token=${recording.token({ session: session.id })}`;
  await waitFor('the recording of the session', async () => (await statusOf(`${node.url}/vod/${session.id}/index.m3u8?${own}`)) === 200, { within: 60_000 });
  for (const name of ['index.m3u8', 'v360/index.m3u8', 'v240/iframes.m3u8', 'audio/index.m3u8', 'v240/1.m4s', 'audio/init.mp4']) {
    const [made, fixture] = await Promise.all([fetchWhole(`${node.url}/vod/${session.id}/${name}?${own}`), fetchWhole(`${recording.url}/${name}${query}`)]);
    assert.equal(made.text, fixture.text, name);
    assert.equal(made.headers.etag, fixture.headers.etag);
  }
});

scenario('a recording is for those who may watch it alone, and the same for all of them', async (stage) => {
  const { node, recording } = await recordSession(stage, { segments: 2 });
  const tokens = [recording.token({ subject: 'mum' }), recording.token({ subject: 'dad' })];
  const files = ['index.m3u8', 'v360/index.m3u8', 'v360/iframes.m3u8', 'v360/init.mp4', 'v360/0.m4s', 'audio/0.m4s'];
  for (const file of files) {
    const url = `${recording.url}/${file}`;
    const [one, two] = await Promise.all(tokens.map((token) => fetchWhole(`${url}?token=${token}`)));
    assert.ok(one.body.equals(two.body), file);
    assert.ok(!one.text.includes(tokens[0]));
    assert.equal(one.headers.etag, two.headers.etag);
    assert.equal(one.headers['access-control-allow-origin'], '*');
    const again = await request(`${url}?token=${tokens[1]}`, { headers: { 'if-none-match': one.headers.etag } });
    assert.equal(again.status, 304);
    const none = await request(url);
    assert.deepEqual([none.status, none.headers['cache-control']], [401, 'no-store']);
    const now = Math.floor(Date.now() / 1000);
    for (const wrong of ['x', recording.token({ session: 'another' }), recording.token({ issued: now - 301 }), recording.token({ expires: now + 86_400 })]) {
      assert.equal(await statusOf(`${url}?token=${wrong}`), 403, `${file} ${wrong}`);
    }
  }
  const zipped = await request(`${recording.url}/v360/index.m3u8?token=${tokens[0]}`, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.ok(gunzipSync(zipped.body).equals((await fetchWhole(`${recording.url}/v360/index.m3u8?token=${tokens[0]}`)).body));
  for (const missing of ['v360/99.m4s', 'v360/0.0.m4s', 'v999/index.m3u8', 'poster.jpg', 'recording.json', 'recording.mp4']) {
    assert.equal(await statusOf(`${recording.url}/${missing}?token=${tokens[0]}`), 404, missing);
  }
  const nobodys = recording.token({ session: 'nobody' });
  assert.equal(await statusOf(`${node.url}/vod/nobody/index.m3u8?token=${nobodys}`), 404);

  // What is deleted comes out of no memory, soon also where nobody was told.
  fs.rmSync(recording.folder, { recursive: true });
  await waitFor('the recording to be gone', async () => (await statusOf(`${recording.url}/v360/0.m4s?token=${tokens[0]}`)) === 404, { within: 90_000 });
  assert.equal(await statusOf(`${recording.url}/index.m3u8?token=${tokens[0]}`), 404);
}, { within: 90_000 });
