// Runs beside others from the start: it takes a minute, and little of the machine.
import assert from 'node:assert/strict';
import { waitFor } from '../e2e/lib/wait.js';
import { broadcast, framesAdvance, pageTest, withRecording } from './lib/pages.js';
import { recording, session } from './lib/stub_server.js';

withRecording(100);

pageTest('a session that was not started waits, and plays when the headset comes', async ({ stub, page }) => {
  stub.sessions.set('abc', session('abc', { state: 'created' }));
  await page.goto(`${stub.url}/watch/abc`);
  await page.getByText('Waiting for the headset…').waitFor();
  assert.equal(await page.title(), 'Sunday castle – Porthole');
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await framesAdvance(page);
  assert.equal(await page.locator('.notice').isVisible(), false);
  assert.equal(await page.title(), '● Sunday castle – Porthole');
});

pageTest('a live session plays, shows its latency, and lets choose its quality', async ({ stub, page }) => {
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  const badge = page.getByRole('button', { name: /^Live, [\d.]+ s behind/ });
  await badge.waitFor();
  assert.match(await badge.innerText(), /Live\s*[\d.]+ s/);
  assert.ok(await page.evaluate(() => window.porthole.latency()) < 20);

  await page.getByRole('button', { name: 'quality' }).click();
  const items = page.getByRole('menuitemradio');
  await items.filter({ hasText: 'Auto' }).waitFor();
  assert.deepEqual((await items.allInnerTexts()).map((text) => text.trim().split(' ')[0]), ['720p', '360p', 'Auto']);
  await items.filter({ hasText: '360p' }).first().click();
  await page.waitForFunction(() => window.porthole.video.videoHeight === 360);
  await page.waitForFunction(() => !window.porthole.hls.autoLevelEnabled);
  await page.getByRole('button', { name: 'quality' }).click();
  await items.filter({ hasText: '720p' }).first().click();
  await page.waitForFunction(() => window.porthole.video.videoHeight === 720);
  await framesAdvance(page);
});

pageTest('an ended session plays to its end and says that it is over', async ({ stub, page }) => {
  const past = broadcast(12);
  stub.broadcasts.set('abc', past);
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  past.ended = true;
  past.beganAt -= 120_000; // all of it is there
  stub.sessions.set('abc', session('abc', { state: 'ended' }));
  await page.waitForFunction(() => window.porthole.video.seekable.length > 0 && Number.isFinite(window.porthole.video.duration));
  await page.evaluate(() => { window.porthole.video.currentTime = window.porthole.video.duration - 1; });
  await page.getByText('This session is over').first().waitFor();
  await page.getByRole('link', { name: 'See who is live' }).waitFor();
  await page.waitForFunction(() => window.porthole.hls === null);
});

pageTest('sessions that are over, failed or hidden say so', async ({ stub, page }) => {
  stub.sessions.set('over', session('over', { state: 'ended' }));
  stub.sessions.set('failed', session('failed', { state: 'failed', reason: 'HEVC is not supported; send H.264.' }));
  stub.sessions.set('private', 401);
  stub.sessions.set('gone', 410);
  for (const [id, text] of [['over', 'This session is over'], ['failed', 'HEVC is not supported; send H.264.'], ['private', 'This stream is private'], ['gone', 'This session is over'], ['nobody', 'There is no such stream']]) {
    await page.goto(`${stub.url}/watch/${id}`);
    await page.locator('.notice').getByText(text).waitFor();
  }
  const toRecording = page.getByRole('link', { name: 'Watch the recording' });
  assert.equal(await toRecording.count(), 0);
  stub.recordings.set('over', recording('over'));
  await page.goto(`${stub.url}/watch/over#token=t`);
  await toRecording.waitFor();
  assert.equal(await toRecording.getAttribute('href'), '/recordings?recording=over');
});

pageTest('a headset that lost its connection is said beside the picture', async ({ stub, page }) => {
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc', { state: 'reconnecting' }));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  await page.locator('.notice[data-veil=corner]').getByText('Waiting for the headset…').waitFor();
  stub.sessions.set('abc', session('abc'));
  await page.locator('.notice').waitFor({ state: 'hidden' });
});

pageTest('a server that goes away and comes back is played again without a touch', async ({ stub, page }) => {
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  await stub.stop();
  await page.getByText('Reconnecting…').waitFor();
  await stub.start();
  await page.locator('.notice').waitFor({ state: 'hidden' });
  await framesAdvance(page);
});

pageTest('a page opened while the server is away finds it', async ({ stub, page }) => {
  stub.sessions.set('abc', session('abc', { state: 'created' }));
  await page.route('**/api/**', (route) => route.abort());
  await page.goto(`${stub.url}/watch/abc`);
  await page.getByText('Porthole cannot be reached').waitFor();
  await page.unroute('**/api/**');
  await page.getByText('Waiting for the headset…').waitFor();
});

pageTest('the viewer pauses: nothing plays by itself; playing again is back at the live picture', async ({ stub, page }) => {
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  await page.evaluate(() => window.porthole.video.pause());
  await page.waitForFunction(() => window.porthole.hls.latency - window.porthole.hls.targetLatency > 4, undefined, { polling: 200 });
  assert.equal(await page.evaluate(() => window.porthole.video.paused), true);
  await page.getByRole('button', { name: 'play' }).click();
  await framesAdvance(page);
  await page.waitForFunction(() => window.porthole.hls.latency - window.porthole.hls.targetLatency < 3);
});

pageTest('where sound needs a touch, the picture starts silently and a button turns sound on', async ({ stub, page }) => {
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  /* Until the page asked to play, nothing is evaluated in it: that would count as a touch. */
  await waitFor('the first segment to be fetched', () => stub.requests.some((line) => /^\/live\/abc\/\S+\.m4s /.test(line)));
  await framesAdvance(page);
  assert.equal(await page.evaluate(() => window.porthole.video.muted), true);
  const button = page.getByRole('button', { name: 'Turn sound on' });
  await button.click();
  await button.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => window.porthole.video.muted), false);
  await framesAdvance(page);
}, { args: ['--autoplay-policy=document-user-activation-required'] });

pageTest('where there are no Media Source Extensions the browser plays HLS itself', async ({ stub, page }) => {
  await page.addInitScript(() => {
    for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource']) delete window[name];
  });
  stub.broadcasts.set('abc', broadcast());
  stub.sessions.set('abc', session('abc'));
  await page.goto(`${stub.url}/watch/abc`);
  await framesAdvance(page);
  assert.equal(await page.evaluate(() => window.porthole.hls), null);
  await page.locator('.live-badge[data-badge=live]').waitFor();
});
