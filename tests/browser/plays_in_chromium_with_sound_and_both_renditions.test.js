import assert from 'node:assert/strict';
import { scenario } from '../e2e/lib/stage.js';
import { openChromium } from './lib/chromium.js';

scenario('Chromium plays picture and sound, shows its latency, and every rendition can be chosen', async (stage) => {
  const { node, session, multivariant } = await stage.live();
  await session.segments('v360', 2);
  const browser = await openChromium(stage);
  const page = await browser.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(`${node.url}/watch/${session.id}`);

  await page.waitForFunction(() => window.porthole?.video?.currentTime > 0, undefined, { timeout: 60_000 });
  const frames = () => page.evaluate(() => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames);
  const before = await frames();
  await page.waitForFunction((least) => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames > least, before + 60, { timeout: 30_000 });
  await page.waitForFunction(() => window.porthole.video.webkitAudioDecodedByteCount > 0, undefined, { timeout: 30_000 });

  await page.getByRole('button', { name: /^Live, [\d.]+ s behind/ }).waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => window.porthole.latency() < 4, undefined, { timeout: 30_000 });

  const heights = multivariant.variants.map((variant) => Number(variant.resolution.split('x')[1]));
  assert.deepEqual([...heights].sort((a, b) => a - b), [240, 360]);
  for (const height of [240, 360, 240]) {
    await page.getByRole('button', { name: 'quality' }).click();
    await page.getByRole('menuitemradio').filter({ hasText: `${height}p` }).first().click();
    await page.waitForFunction((wanted) => window.porthole.video.videoHeight === wanted, height, { timeout: 30_000 });
  }
  const last = await frames();
  await page.waitForFunction((least) => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames > least, last + 30, { timeout: 30_000 });
  assert.deepEqual(problems, [], 'no error on the page');
}, { within: 90_000 });

scenario('the start page lists a live session and leads to it', async (stage) => {
  const { node, session } = await stage.live({ body: { title: 'Sunday castle', visibility: 'public' } });
  const browser = await openChromium(stage);
  const page = await browser.newPage();
  await page.goto(`${node.url}/`);
  await page.getByText('Sunday castle').first().click({ timeout: 30_000 });
  await page.waitForURL(`**/watch/${session.id}*`, { timeout: 30_000 });
  await page.waitForFunction(() => window.porthole?.video?.currentTime > 0, undefined, { timeout: 60_000 });
});

scenario('a page survives a publisher that goes and comes back, and an ended session says so', async (stage) => {
  const { node, session, publisher } = await stage.live();
  const browser = await openChromium(stage);
  const page = await browser.newPage();
  await page.goto(`${node.url}/watch/${session.id}`);
  await page.waitForFunction(() => window.porthole?.video?.currentTime > 1, undefined, { timeout: 30_000 });
  publisher.signal('SIGKILL');
  const at = await page.evaluate(() => window.porthole.video.currentTime);
  await page.waitForFunction((from) => window.porthole.video.currentTime > from + 3, at, { timeout: 30_000 });
  await stage.publish(session, node.srtPort);
  await page.waitForFunction((from) => window.porthole.video.currentTime > from + 10, at, { timeout: 60_000 });
  await stage.end(session);
  await page.waitForFunction(() => /This session is over/.test(document.body.innerText), undefined, { timeout: 60_000 });
}, { within: 90_000 });
