import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { countFrames } from '../e2e/lib/frames.js';
import { repository } from '../e2e/lib/media.js';
import { recordSession } from '../e2e/lib/recording_fixture.js';
import { scenario } from '../e2e/lib/stage.js';
import { openChromium } from './lib/chromium.js';

const hlsJs = path.join(repository, 'web/node_modules/hls.js/dist/hls.min.js');

/** A page with nothing but a player on it, at one rendition. */
async function openPlayer(stage, node, url) {
  const browser = await openChromium(stage);
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(`${node.url}/health`);
  await page.addScriptTag({ path: hlsJs });
  await page.evaluate((source) => {
    const video = document.body.appendChild(document.createElement('video'));
    const hls = new window.Hls({ startLevel: 0 });
    window.player = { video, hls, errors: [] };
    hls.on(window.Hls.Events.ERROR, (_, { details, fatal }) => window.player.errors.push(`${details}${fatal ? ', fatal' : ''}`));
    hls.on(window.Hls.Events.MANIFEST_PARSED, () => { hls.currentLevel = 0; });
    hls.loadSource(source);
    hls.attachMedia(video);
    video.muted = true;
    return video.play();
  }, url);
  return page;
}

scenario('a recording plays to its end in Chromium with every frame of the session, and anywhere it is sought', async (stage) => {
  const { node, live, recording } = await recordSession(stage, { segments: 3 });
  const page = await openPlayer(stage, node, `${recording.url}/index.m3u8?token=${recording.token()}`);
  await page.waitForFunction(() => window.player.video.ended, undefined, { timeout: 40_000 });
  const played = await page.evaluate(() => {
    const { video, hls, errors } = window.player;
    const quality = video.getVideoPlaybackQuality();
    return { frames: quality.totalVideoFrames, seconds: video.duration, sound: video.webkitAudioDecodedByteCount, height: hls.levels[hls.currentLevel].height, errors };
  });
  assert.deepEqual(played.errors, []);
  const { init, segments } = live[`v${played.height}`];
  const file = path.join(stage.folder, 'live.mp4');
  fs.writeFileSync(file, Buffer.concat([init, ...segments.map(({ body }) => body)]));
  assert.equal(played.frames, (await countFrames(file)).all, 'frames played and frames published');
  assert.ok(played.sound > 0, 'sound is decoded');
  const seconds = segments.reduce((sum, { duration }) => sum + duration, 0);
  assert.ok(Math.abs(played.seconds - seconds) < 0.1, `${played.seconds} s, ${seconds} s were published`);

  for (const place of [0.5, seconds - 1, seconds / 2]) {
    await page.evaluate((to) => {
      window.player.video.currentTime = to;
      return window.player.video.play();
    }, place);
    await page.waitForFunction((from) => !window.player.video.seeking && window.player.video.currentTime > from + 0.2, place, { timeout: 30_000 });
  }
  assert.deepEqual(await page.evaluate(() => window.player.errors), []);
}, { within: 120_000 });
