// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { broadcast, pageTest, withRecording } from './lib/pages.js';
import { recording } from './lib/stub_server.js';

withRecording(40);

/** The page on one of two recordings of 40 s, once it plays. */
async function watch(stub, page, { ids = ['abc', 'def'] } = {}) {
  for (const id of ids) {
    stub.recordings.set(id, recording(id, { title: `Castle ${id}`, durationMs: 40_000 }));
    stub.broadcasts.set(id, Object.assign(broadcast(120), { ended: true }));
  }
  await page.goto(`${stub.url}/recordings?recording=abc`);
  await page.waitForFunction(() => window.porthole.video.currentTime > 0.5);
}

const element = (page) => page.evaluate(() => {
  const { currentTime, paused, playbackRate, muted } = window.porthole.video;
  return { currentTime, paused, playbackRate, muted };
});
const playedFrom = (page, seconds) => page.waitForFunction((from) => !window.porthole.video.seeking && window.porthole.video.currentTime > from + 0.3, seconds);

pageTest('speed and quality are as they were chosen, and back to automatic leaves the place alone', async ({ stub, page }) => {
  await watch(stub, page);
  await page.getByRole('button', { name: /^playback rate/i }).click();
  await page.waitForFunction(() => window.porthole.video.currentTime > 2.5);
  assert.equal((await element(page)).playbackRate, 1.5);

  await page.evaluate(() => { window.porthole.video.playbackRate = 0.5; }); // time enough for a slow machine
  await page.waitForFunction(() => window.porthole.video.buffered.end(0) > 30);
  const place = () => page.evaluate(() => ({ seconds: window.porthole.video.currentTime, at: performance.now() / 1000 }));
  const from = await place();
  const items = page.getByRole('menuitemradio');
  const before = await page.evaluate(() => window.porthole.video.videoHeight);
  const other = before === 720 ? 360 : 720;
  await page.getByRole('button', { name: 'quality' }).click();
  await items.filter({ hasText: `${other}p` }).first().click();
  await page.waitForFunction((height) => window.porthole.video.videoHeight === height, other);
  await page.getByRole('button', { name: 'quality' }).click();
  await items.filter({ hasText: 'Auto' }).first().click();
  await page.waitForFunction(() => window.porthole.hls.autoLevelEnabled);
  const to = await place();
  assert.ok(to.seconds >= from.seconds - 0.1 && to.seconds - from.seconds < 0.5 * (to.at - from.at) + 1, `nothing was sought by that: ${JSON.stringify([from, to])}`);
});

pageTest('who muted one recording hears nothing of the next, is told when it takes long, and has the keyboard with the picture', async ({ stub, page }) => {
  await watch(stub, page);
  await page.getByRole('button', { name: 'mute' }).click();
  let deliver;
  const late = new Promise((resolve) => { deliver = resolve; });
  await page.route(/vod.def.*m4s/, (route) => late.then(() => route.continue()));
  await page.getByRole('link', { name: 'Castle def' }).click();
  await page.getByText('One moment…').waitFor({ timeout: 30_000 });
  deliver();
  await page.waitForFunction(() => document.title.includes('def') && window.porthole.video.currentTime > 0.5);
  assert.equal((await element(page)).muted, true);
  await page.keyboard.press('Space');
  await page.waitForFunction(() => window.porthole.video.paused);
});

pageTest('a server that goes away and comes back leaves place, speed and pause alone', async ({ stub, page }) => {
  let away = true;
  await page.route(/\/vod\/.*(_[23]\d\.m4s|m3u8)/, (route) => (away && /_[23]\d\./.test(route.request().url()) ? route.abort() : route.continue()));
  await watch(stub, page);
  await page.evaluate(() => {
    Object.assign(window.porthole.video, { playbackRate: 1.5, currentTime: 25 });
    window.first = window.porthole.hls;
    window.porthole.video.pause();
  });
  await page.route('**/vod/**', (route) => (away ? route.abort() : route.continue()));
  await page.unroute(/\/vod\/.*(_[23]\d\.m4s|m3u8)/);
  await page.waitForFunction(() => window.porthole.hls !== window.first && window.porthole.video.readyState === 0, undefined, { timeout: 30_000 });
  away = false;
  await page.waitForFunction(() => window.porthole.video.readyState > 2);
  const { currentTime, paused, playbackRate } = await element(page);
  assert.deepEqual([Math.round(currentTime), paused, playbackRate], [25, true, 1.5]);
  await page.getByRole('button', { name: 'play', exact: true }).click();
  await playedFrom(page, 25);

  await page.reload();
  await playedFrom(page, 25);
  await page.getByRole('link', { name: 'All recordings' }).click();
  await page.waitForFunction(() => window.porthole.hls === null);
  await page.goBack();
  await playedFrom(page, 25);
});

pageTest('where the browser plays HLS itself, a lost server leaves place and speed alone too', async ({ stub, page }) => {
  await page.addInitScript(() => {
    for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource']) delete window[name];
  });
  await watch(stub, page);
  await page.route('**/vod/**', (route) => route.abort());
  await page.evaluate(() => Object.assign(window.porthole.video, { playbackRate: 1.5, currentTime: 30 }));
  await page.getByText('One moment…').waitFor();
  await page.unroute('**/vod/**');
  await playedFrom(page, 30);
  assert.equal((await element(page)).playbackRate, 1.5);
  assert.equal(await page.evaluate(() => window.porthole.hls), null);
});

pageTest('where nothing plays without a touch, any play button will do, and the sound is asked for afterwards', async ({ stub, page }) => {
  await page.addInitScript(() => {
    const { play } = HTMLMediaElement.prototype;
    let isTouched = false;
    addEventListener('pointerup', () => { isTouched = true; }, true);
    HTMLMediaElement.prototype.play = function playAfterTouch() {
      return isTouched ? play.call(this) : Promise.reject(new DOMException('not yet', 'NotAllowedError'));
    };
  });
  stub.recordings.set('abc', recording('abc', { durationMs: 40_000 }));
  stub.broadcasts.set('abc', Object.assign(broadcast(120), { ended: true }));
  await page.goto(`${stub.url}/recordings?recording=abc`);
  await page.locator('.sound-prompt', { hasText: 'Play' }).waitFor();
  await page.locator('media-play-button').click();
  await page.locator('.sound-prompt', { hasText: 'Turn sound on' }).click();
  await page.waitForFunction(() => !window.porthole.video.muted && window.porthole.video.currentTime > 0.5);
});
