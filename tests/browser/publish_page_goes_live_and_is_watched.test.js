import assert from 'node:assert/strict';
import { lateness } from '../e2e/lib/rules.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { closePage } from './lib/chromium.js';
import { figures, goLive, openPublishingChromium, openPublishPage, phase } from './lib/publishing.js';

/** A browser that stops deletes what it published, and closes its connection: either may come first. */
const isGoodbye = ({ msg, reason }) => msg === 'publisher lost' && /^the publisher (ended|closed) it$/.test(reason);

const state = async (session) => (await session.state(session.token)).state;

/** Watches in the same browser, as another visitor; returns once pictures move. */
async function watchIn(browser, node, session) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${node.url}/watch/${session.id}`);
  await page.waitForFunction(() => window.porthole?.video?.getVideoPlaybackQuality().totalVideoFrames > 30, undefined, { timeout: 60_000 });
  return page;
}

scenario('a camera goes live from the publish page and is watched; loss, an ICE restart, a change of address and a server that restarts are mended', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const relay = await stage.relay(node.webrtcPort, { delay: 10 });
  const browser = await openPublishingChromium(stage);
  const page = await openPublishPage(browser, node, session, { relay });
  const patches = [];
  page.on('response', (response) => {
    if (response.request().method() === 'PATCH') patches.push(response.status());
  });
  await goLive(page);
  await session.multivariant();
  const rules = stage.rules(session, { except: lateness });
  const watch = stage.watch(session, 'v360');
  const viewer = await watchIn(browser, node, session);
  await page.waitForFunction(() => {
    const { frameRate, bitrate, lossPercent } = window.porthole.figures;
    return frameRate >= 20 && bitrate > 200_000 && (lossPercent ?? 0) < 1;
  });
  const { codec, transport } = await figures(page);
  assert.deepEqual([codec, transport], ['H.264', 'UDP']);
  await viewer.waitForFunction(() => window.porthole.video.webkitAudioDecodedByteCount > 0, undefined, { timeout: 30_000 });

  const before = patches.length;
  await page.evaluate(() => { dispatchEvent(new Event('online')); });
  await waitFor('the restart to be answered', () => patches.slice(before).includes(200));
  await phase(page, 'live');
  relay.loss = 5;
  await session.segments('v360', 2);
  relay.loss = 0;
  const [recovered, lost] = await Promise.all(['recovered', 'lost'].map((what) => node.metric(`porthole_webrtc_${what}_packets_total`)));
  assert.ok(recovered >= 5 && lost * 5 <= recovered, `of the packets lost on the way ${recovered} came again, ${lost} did not`);

  const changedAt = Date.now();
  await relay.changeAddress();
  await session.segments('v360', 3);
  assert.ok(watch.longestGap(changedAt) <= 2_000, `after a change of address no part for ${watch.longestGap(changedAt)} ms`);
  await phase(page, 'live');

  /* From the camera to a screen: the page lets the camera go first, and nothing is sent until somebody has chosen. */
  const letGoAt = Date.now();
  await page.locator('.source-screen').click();
  await page.getByRole('button', { name: 'Choose what to share' }).waitFor();
  await session.segments('v360', 1);
  await page.getByRole('button', { name: 'Choose what to share' }).click();
  await page.waitForFunction(() => document.querySelector('.preview').videoWidth > 0 && window.porthole.figures.frameRate >= 15);
  await session.segments('v360', 1);
  assert.ok(watch.longestGap(letGoAt) <= 2_000, `while the source changed no part for ${watch.longestGap(letGoAt)} ms`);
  assert.deepEqual(node.lines.filter(({ msg }) => msg === 'publisher lost'), []);

  relay.cut();
  await phase(page, 'mending');
  await page.getByText('The connection is shaky').waitFor();
  relay.cut(false);
  await phase(page, 'live');
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  await rules.hold();

  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('You are no longer live').waitFor();
  await node.logged('the goodbye', isGoodbye);
  await waitFor('the session to wait for its publisher', async () => (await state(session)) === 'reconnecting');
  await goLive(page);
  await waitFor('the session to be live again', async () => (await state(session)) === 'live');

  await node.kill();
  await phase(page, 'waiting');
  await node.start();
  await phase(page, 'live', 60_000);
  assert.deepEqual(page.problems, []);
}, { within: 150_000 });

scenario('where UDP is blocked the picture takes TCP, and through 1 Mbit/s it goes on, only coarser', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const browser = await openPublishingChromium(stage);
  const page = await openPublishPage(browser, node, session, { transport: 'tcp' });
  await goLive(page);
  await session.multivariant();
  await session.segments('v360', 2);
  await page.waitForFunction(() => window.porthole.figures.transport === 'TCP' && window.porthole.figures.frameRate >= 20);
  await page.getByText('H.264 over TCP').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await node.logged('the goodbye', isGoodbye);
  await closePage(page);

  const relay = await stage.relay(node.webrtcPort, { delay: 20, bandwidth: 1_000 });
  const narrow = await openPublishPage(browser, node, session, { relay });
  await goLive(narrow);
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 5);
  assert.ok(watch.longestGap() <= 1_500, `no part for ${watch.longestGap()} ms`);
  assert.deepEqual(watch.skipped(), []);
  await narrow.waitForFunction(() => window.porthole.figures.frameRate >= 15 && window.porthole.figures.bitrate < 1_100_000, undefined, { timeout: 45_000 });
}, { within: 90_000 });
