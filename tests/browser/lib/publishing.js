// Chromium as a publisher: the publish page, with a file as camera and another as microphone.
import { mediaFile, pictures } from '../../e2e/lib/media.js';
import { keepCandidates, throughRelay } from '../../e2e/lib/whip_sdp.js';
import { openChromium } from './chromium.js';

/** A file that Chromium takes for a camera; it starts over at its end. `raw` is large, and costs no decoding. */
export const cameraFile = ({ picture = 'test', size = '1280x720', rate = 30, seconds = 10, raw = false } = {}) =>
  raw ? mediaFile('y4m', ['-f', 'lavfi', '-i', pictures[picture](size, rate), '-t', String(seconds), '-pix_fmt', 'yuv420p', '-f', 'yuv4mpegpipe']) : mediaFile('mjpeg', ['-f', 'lavfi', '-i', pictures[picture](size, rate), '-t', String(seconds), '-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p', '-f', 'mjpeg']);

/** A sound for its microphone. */
export const microphoneFile = (seconds = 10) =>
  mediaFile('wav', ['-f', 'lavfi', '-i', `sine=frequency=440:beep_factor=3:sample_rate=48000:duration=${seconds}`]);

/** A Chromium whose camera and microphone are files, and are allowed. */
export async function openPublishingChromium(stage, { camera, microphone, args = [] } = {}) {
  const [cameraPath, microphonePath] = [camera ?? (await cameraFile()), microphone ?? (await microphoneFile())];
  return openChromium(stage, [
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${cameraPath}`,
    `--use-file-for-fake-audio-capture=${microphonePath}`, '--allow-loopback-in-peer-connection', ...args,
  ]);
}

/** The publish page with the session's key; `relay` or `transport` ("tcp") bend the way of its media; `prepare` runs in the page
 * before its own scripts. */
export async function openPublishPage(browser, node, session, { relay, transport, prepare, quality = '720p30' } = {}) {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'], viewport: { width: 1100, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  if (prepare) await page.addInitScript(prepare);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  const kept = relay ? throughRelay(relay) : { transport: transport ?? 'udp' };
  /* Answers to POST, and to the PATCH of an ICE restart. */
  await page.route(/\/whip(\/|$)/, async (route) => {
    if (route.request().method() === 'DELETE') return route.continue();
    const response = await route.fetch().catch(() => null);
    if (!response) return route.abort();
    return route.fulfill({ response, body: keepCandidates(await response.text(), kept) });
  });
  await page.goto(`${node.url}/publish#key=${session.key}`);
  /* Choosing opens the camera anew. */
  const select = page.locator('.quality-select');
  if ((await select.inputValue()) !== quality) await select.selectOption(quality);
  await page.waitForFunction(() => document.querySelector('.preview').videoWidth > 0);
  return page;
}

/** Presses the button and waits until the page says that it is live. */
export async function goLive(page, within = 45_000) {
  await page.getByRole('button', { name: 'Go live' }).click();
  await phase(page, 'live', within);
}

export const phase = (page, wanted, within = 45_000) =>
  page.waitForFunction((name) => window.porthole.phase === name, wanted, { timeout: within });

/** What the page shows of its statistics. */
export const figures = (page) => page.evaluate(() => window.porthole.figures);
