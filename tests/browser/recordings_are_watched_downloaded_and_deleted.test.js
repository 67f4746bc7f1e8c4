// Runs beside others: it measures no time.
import assert from 'node:assert/strict';
import { request } from '../e2e/lib/http.js';
import { probe } from '../e2e/lib/media.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { openChromium } from './lib/chromium.js';

/** A page of the recordings with a token; what its scripts threw, and breaches of its policy, are in `problems`. */
async function openRecordings(browser, node, token, { query = '', ...context } = {}) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context })).newPage();
  page.setDefaultTimeout(45_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  await page.goto(`${node.url}/recordings${query}#token=${token}`);
  return page;
}

const ask = (node, token, path) => request(`${node.url}/api/recordings${path}`, { headers: { authorization: `Bearer ${token}` } });
const played = (page, seconds) => page.waitForFunction((least) => window.porthole.video.currentTime >= least, seconds, { timeout: 60_000 });

scenario('a recording appears by itself, is looked into, watched, downloaded and deleted', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node, { body: { title: 'Sunday castle', visibility: 'public' } });
  const browser = await openChromium(stage);
  const page = await openRecordings(browser, node, session.token);
  await page.getByText('No recordings yet').waitFor();

  await stage.publish(session, node.srtPort);
  const card = page.getByRole('link', { name: 'Sunday castle' });
  await card.getByText('Recording', { exact: true }).waitFor();
  await waitForSeconds(session, 12);
  await stage.end(session);
  await card.locator('.badge').waitFor({ state: 'hidden', timeout: 60_000 });
  assert.match(await card.locator('.card-length').textContent(), /^0:[1-5]\d$/);
  const { json: recording } = await ask(node, session.token, `/${session.id}`);
  assert.equal(recording.state, 'ready');

  /* The poster, and a look into it under the pointer. */
  await page.waitForFunction(() => document.querySelector('.card-picture')?.naturalWidth > 0);
  await card.locator('.card-frame').hover();
  await page.waitForFunction(() => !document.querySelector('.scrub').hidden && document.querySelector('.scrub-picture').naturalWidth > 0);

  /* Watched: picture and sound, to its end, with a storyboard on the seek bar. */
  await card.click();
  assert.match(page.url(), new RegExp(`/recordings\\?recording=${session.id}$`));
  const shown = await page.waitForFunction(() => window.porthole.video.currentTime > 0 && window.porthole.video.currentTime, undefined, { timeout: 60_000 });
  assert.ok((await shown.jsonValue()) < 4, 'it begins at its beginning');
  await played(page, 1);
  const { duration, height } = await page.evaluate(() => ({ duration: window.porthole.video.duration, height: window.porthole.video.videoHeight }));
  assert.ok(Math.abs(duration * 1000 - recording.durationMs) < 150, `${duration} s of ${recording.durationMs} ms`);
  assert.ok([240, 360].includes(height), `${height} lines`);
  await page.waitForFunction(() => window.porthole.video.webkitAudioDecodedByteCount > 0);
  await page.waitForFunction(() => [...window.porthole.video.textTracks].some(({ label, cues }) => label === 'thumbnails' && cues?.length > 0));
  const resumed = await page.evaluate(async () => {
    const { video } = window.porthole;
    video.pause();
    const from = video.currentTime;
    await video.play();
    return video.currentTime - from;
  });
  assert.ok(Math.abs(resumed) < 1, `paused and played, it goes on where it was, not ${resumed} s from there`);
  await page.evaluate(() => { window.porthole.video.currentTime = window.porthole.video.duration - 1; });
  await page.waitForFunction(() => window.porthole.video.ended);

  /* Downloaded under a name for people, whole. */
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /Download MP4 · / }).click()]);
  assert.match(download.suggestedFilename(), /^Sunday castle.*\.mp4$/);
  const { format, streams } = await probe(await download.path(), ['-show_format', '-show_streams']);
  assert.equal(Number(format.size), recording.bytes);
  assert.ok(Math.abs(Number(format.duration) * 1000 - recording.durationMs) < 150);
  assert.deepEqual(streams.map(({ codec_type: type }) => type).sort(), ['audio', 'video']);
  await page.getByText('The download has begun.').waitFor();

  /* The MP4 as a browser plays it: at once, and to its end. */
  const { json: link } = await request(`${node.url}/api/recordings/${session.id}/download`, { headers: { authorization: `Bearer ${session.token}`, accept: 'application/json' } });
  const bare = await (await browser.newContext()).newPage();
  await bare.setContent(`<video src="${link.url}" autoplay muted></video>`);
  await bare.waitForFunction(() => document.querySelector('video').currentTime >= 1);
  const mp4 = await bare.evaluate(() => {
    const { duration, videoHeight } = document.querySelector('video');
    document.querySelector('video').currentTime = duration - 1;
    return { duration, videoHeight };
  });
  assert.ok(Math.abs(mp4.duration * 1000 - recording.durationMs) < 150, `${mp4.duration} s of ${recording.durationMs} ms`);
  assert.equal(mp4.videoHeight, recording.height);
  await bare.waitForFunction(() => document.querySelector('video').ended && !document.querySelector('video').error);
  await bare.close();

  /* By its address on a phone; and deleted, once that was confirmed. */
  const visitor = await openRecordings(browser, node, session.token, { query: `?recording=${session.id}`, viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await played(visitor, 0.5);
  assert.ok(!visitor.url().includes('token'), 'the token is taken out of the address');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Keep it' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.delete-dialog').getByRole('button', { name: 'Delete' }).click();
  await page.locator('.card', { hasText: 'Sunday castle' }).waitFor({ state: 'detached' });
  /* Who watched it is told why it stopped. */
  await visitor.getByText('This recording was deleted').waitFor();
  assert.equal(await visitor.evaluate(() => window.porthole.hls), null);
  assert.deepEqual(page.problems, []);
}, { within: 180_000 });

scenario('who has no invitation, and who asks for what is not there, is told so', async (stage) => {
  const node = await stage.node();
  const browser = await openChromium(stage);
  const stranger = await openRecordings(browser, node, '');
  await stranger.getByText('Please open your invitation again').waitFor();
  const page = await openRecordings(browser, node, await stage.token(node, { role: 'viewer', sub: 'mum' }), { query: '?recording=nothing' });
  await page.getByText('There is no such recording').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Upload' }).count(), 0);
});

/** Waits until the session's playlist reaches this far. */
async function waitForSeconds(session, seconds) {
  await session.multivariant();
  await waitFor(`${seconds} s of ${session.id}`, async () => (await session.playlist('v360')).segments.at(-1)?.msn * 2 >= seconds, { within: 90_000 });
}
