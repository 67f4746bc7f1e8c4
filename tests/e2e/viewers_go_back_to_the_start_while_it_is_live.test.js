// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fetchWhole, request } from './lib/http.js';
import { parsePlaylist } from './lib/playlist.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

// Segments of a second, so that the first ones leave the window within half a minute.
const short = { PORTHOLE_SEGMENT_MS: '1000' };

const withPast = async (session, track) => parsePlaylist((await fetchWhole(`${session.live}/${track}/index.m3u8?dvr=1`)).text);

scenario('playlists that reach back to the start keep every rule, and what they list is served as it was', async (stage) => {
  const { node, session } = await stage.live({ env: short });
  const names = ['v360', 'v240', 'audio'];
  for (const name of names) await session.segments(name, 1);
  const rules = stage.rules(session, { past: true, except: lateness });
  const first = {};
  for (const name of names) {
    const [segment] = (await session.playlist(name)).segments;
    first[name] = { uri: segment.uri, body: (await fetchWhole(`${session.live}/${name}/${segment.uri}`)).body };
  }
  await session.segments('v360', 13);
  const requests = stage.rules(session, { past: true, requests: true, except: lateness });
  const multivariant = (await fetchWhole(`${session.live}/index.m3u8?dvr`)).text;
  assert.ok(multivariant.includes('\nv360/index.m3u8?dvr=1\n') && multivariant.includes('URI="audio/index.m3u8?dvr=1"'));
  assert.ok(!(await fetchWhole(`${session.live}/index.m3u8`)).text.includes('dvr'));
  assert.ok((await session.playlist('v360')).msn > 0, 'the plain playlist slides on');

  const before = await withPast(session, 'v360');
  assert.equal(before.msn, 0);
  await session.segments('v360', 15);
  for (const name of names) {
    const playlist = await withPast(session, name);
    assert.equal(playlist.segments[0].uri, first[name].uri);
    assert.ok((await fetchWhole(`${session.live}/${name}/${first[name].uri}`)).body.equals(first[name].body), `${name}: the first segment, long out of the window`);
    for (const { uri } of playlist.segments) assert.equal((await request(`${session.live}/${name}/${uri}`)).status, 200, `${name}/${uri}`);
  }
  await rules.hold('a playlist that reaches back');
  await requests.hold('a playlist that reaches back, request by request');

  // The end shows all, and a restart forgets nothing of it.
  await stage.end(session);
  const ended = await waitFor('the end', async () => {
    const playlist = await withPast(session, 'v360');
    return playlist.ended && playlist;
  });
  assert.equal(ended.msn, 0);
  const listed = ({ segments }) => segments.map(({ uri, duration, time }) => [uri, duration, time]);
  assert.deepEqual(listed(ended).slice(0, before.segments.length), listed(before));
  await waitFor('the end to be on disk', () => fs.existsSync(path.join(node.dataDir, 'spool', session.id, 'end')));
  await node.kill();
  await node.start();
  const after = await waitFor('the playlist after the restart', () => withPast(session, 'v360'));
  assert.deepEqual(listed(after), listed(ended));
  assert.ok(after.ended);
  assert.ok((await fetchWhole(`${session.live}/v360/${first.v360.uri}`)).body.equals(first.v360.body));
}, { within: 120_000 });
