import assert from 'node:assert/strict';
import { scenario } from '../e2e/lib/stage.js';
import { openChromium } from './lib/chromium.js';

const shown = (page) => page.evaluate(() => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames);

/** Sets the slider as a viewer does who lets go of it there. */
const goBack = (page, seconds) => page.locator('.way-back').evaluate((slider, value) => {
  slider.value = String(value);
  slider.dispatchEvent(new Event('input'));
  slider.dispatchEvent(new Event('change'));
}, -seconds);

scenario('a viewer goes back to what was live before, stays there, and comes back to the live picture', async (stage) => {
  // Segments of a second: what is twenty seconds old has left the plain playlist.
  const { node, session } = await stage.live({ env: { PORTHOLE_SEGMENT_MS: '1000' } });
  const browser = await openChromium(stage);
  const page = await browser.newPage();
  const problems = [];
  const playlists = new Set();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (request.url().includes('.m3u8')) playlists.add(new URL(request.url()).searchParams.get('dvr'));
  });
  await page.goto(`${node.url}/watch/${session.id}`);
  await page.waitForFunction(() => window.porthole?.video?.currentTime > 0, undefined, { timeout: 60_000 });
  await page.getByRole('slider', { name: 'Place in the session' }).waitFor({ timeout: 40_000 });
  await page.waitForFunction(() => Number(document.querySelector('.way-back').min) <= -24, undefined, { timeout: 60_000 });
  assert.deepEqual([...playlists], [null], 'a viewer of what is live loads nothing else');

  await goBack(page, 20);
  await page.waitForFunction(() => window.porthole.latency() > 16 && !window.porthole.video.seeking, undefined, { timeout: 30_000 });
  assert.ok(playlists.has('1'));
  const before = await shown(page);
  await page.waitForFunction((least) => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames > least, before + 60, { timeout: 30_000 });
  assert.ok(await page.evaluate(() => window.porthole.latency()) > 16, 'nothing pulls the viewer to the live picture');
  assert.ok(Number(await page.locator('.way-back').inputValue()) < -12, 'the slider says where the viewer is');

  await page.getByRole('button', { name: /Go to the live picture/ }).click();
  await page.waitForFunction(() => window.porthole.latency() < 4, undefined, { timeout: 30_000 });
  const again = await shown(page);
  await page.waitForFunction((least) => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames > least, again + 30, { timeout: 30_000 });
  assert.deepEqual(problems, []);
}, { within: 120_000 });
