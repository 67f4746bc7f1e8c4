import assert from 'node:assert/strict';
import { fetchWhole } from './lib/http.js';
import { scenario } from './lib/stage.js';

scenario('two viewers with tokens of their own get the same bytes, so that a cache needs one copy', async (stage) => {
  const { node, session } = await stage.live();
  await session.segments('v360', 2);
  const tokens = [
    await stage.token(node, { role: 'viewer', sub: 'viewer-1', session: session.id }),
    await stage.token(node, { role: 'viewer', sub: 'viewer-2', session: session.id }),
  ];
  const both = (name, directives = '') =>
    Promise.all(tokens.map((token) => fetchWhole(`${session.live}/${name}?token=${token}${directives}`)));

  const [one, other] = await both('index.m3u8');
  assert.equal(one.text, other.text);
  assert.ok(!tokens.some((token) => one.text.includes(token)), 'no token is written into a playlist');

  for (const track of ['v360', 'v240', 'audio']) {
    const { segments, parts } = await session.playlist(track);
    const next = { msn: segments.at(-1).msn + 2, part: 1 };
    const [first, second] = await both(`${track}/index.m3u8`, `&_HLS_msn=${next.msn}&_HLS_part=${next.part}`);
    assert.equal(first.text, second.text, `${track}: playlists differ`);
    assert.equal(first.headers.etag, second.headers.etag);
    assert.ok(!tokens.some((token) => first.text.includes(token)));
    for (const name of ['init.mp4', segments.at(-1).uri, parts.at(-1).uri]) {
      const [a, b] = await both(`${track}/${name}`);
      assert.deepEqual(a.body, b.body, `${track}/${name} differs`);
    }
    const last = segments.at(-1);
    const inParts = parts.filter((part) => part.msn === last.msn);
    const blocks = await Promise.all(inParts.map((part) => fetchWhole(`${session.live}/${track}/${part.uri}`)));
    const whole = await fetchWhole(`${session.live}/${track}/${last.uri}`);
    assert.deepEqual(Buffer.concat(blocks.map((block) => block.body)), whole.body, `${track}: a segment is its parts`);
  }
});
