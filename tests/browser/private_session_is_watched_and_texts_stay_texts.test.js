import assert from 'node:assert/strict';
import { clusterSecret, makePlaybackToken } from '../e2e/lib/playback_token.js';
import { request } from '../e2e/lib/http.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { openChromium } from './lib/chromium.js';

const script = '<img src=x onerror="window.attacked=1"><svg onload="window.attacked=2">"\'><script>window.attacked=3</script>{{7*7}}${7*7}javascript:1';

scenario('a guardian watches a private session whose texts are full of scripts, and none of them runs', async (stage) => {
  const node = await stage.node();
  const admin = await stage.token(node, { role: 'admin', sub: 'ada' });
  const mum = await stage.token(node, { role: 'viewer', sub: 'mum' });
  const put = await request(`${node.url}/api/profiles/streamer-1`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ displayName: script.slice(0, 80), guardians: [{ subject: 'mum' }] }),
  });
  assert.equal(put.status, 200, put.text);
  const session = await stage.session(node, { body: { visibility: 'private', title: script.slice(0, 120) } });
  const said = await request(`${node.url}/api/sessions/${session.id}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text: script, name: script.slice(0, 40) }),
  });
  assert.equal(said.status, 201, said.text);
  await stage.publish(session, node.srtPort);
  await waitFor('the session to be live', async () => (await session.state(mum)).state === 'live');

  const browser = await openChromium(stage);
  const page = await browser.newPage();
  const asked = [];
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (one) => asked.push(new URL(one.url())));
  await page.goto(`${node.url}/#token=${mum}`);
  await page.getByText(script.slice(0, 60)).first().waitFor({ timeout: 30_000 });
  assert.equal(await page.evaluate(() => window.attacked), undefined, 'the start page runs a title');
  await page.getByText(script.slice(0, 60)).first().click();
  await page.waitForURL(`**/watch/${session.id}*`, { timeout: 30_000 });
  await page.waitForFunction(() => window.porthole?.video?.currentTime > 2, undefined, { timeout: 60_000 });
  await page.getByText(script.slice(0, 60)).first().waitFor({ timeout: 30_000 });
  assert.equal(await page.evaluate(() => window.attacked), undefined, 'the watch page runs a title');

  /* Each answer of the API brings another token, and the page goes on with the newest. */
  await page.route(`**/api/sessions/${session.id}`, async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    const issued = Math.floor(Date.now() / 1000);
    json.playback.token = makePlaybackToken(clusterSecret(node), { session: session.id, subject: 'mum', issued, expires: issued + 120 });
    await route.fulfill({ response: answer, json });
  });
  for (let round = 0; round < 2; round++) {
    const at = await page.evaluate(() => {
      dispatchEvent(new Event('online')); /* it asks at once */
      return window.porthole.video.currentTime;
    });
    await page.waitForFunction((from) => window.porthole.video.currentTime > from + 4, at, { timeout: 60_000 });
  }
  const tokens = new Set(asked.filter(({ pathname }) => pathname.endsWith('.m4s')).map(({ searchParams }) => searchParams.get('token')));
  assert.ok(tokens.size >= 2 && !tokens.has(null) && !tokens.has('{$token}'), `${tokens.size} tokens were used`);
  for (const { pathname, search } of asked) assert.ok(!search.includes(mum), `${pathname} carries the viewer's own token`);
  assert.deepEqual(problems, []);
}, { within: 90_000 });
