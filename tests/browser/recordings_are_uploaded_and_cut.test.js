// Runs beside others: it measures no time.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { request } from '../e2e/lib/http.js';
import { mediaFile, probe } from '../e2e/lib/media.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { openChromium } from './lib/chromium.js';

/* Long to send, and little to decode and to encode: its bits are filler. */
const film = () => mediaFile('mp4', [
  '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000', '-t', '12',
  '-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '16M', '-maxrate', '16M', '-bufsize', '16M', '-x264-params', 'nal-hrd=cbr', '-c:a', 'aac',
]);

scenario('a film is uploaded with a pause, a clip is cut from it, and what is deleted says so to who has its address', async (stage) => {
  const node = await stage.node();
  const token = await stage.token(node);
  const browser = await openChromium(stage);
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(45_000);
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(`${node.url}/recordings#token=${token}`);
  await page.getByText('No recordings yet').waitFor();

  /* Slowly enough that there is a middle. */
  const devtools = await page.context().newCDPSession(page);
  const throttle = (bytes) => devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes });
  await throttle(1.5e6);
  await page.locator('.upload-input').setInputFiles({ name: 'Holiday film.mp4', mimeType: 'video/mp4', buffer: fs.readFileSync(await film()) });
  const status = page.locator('.upload-status');
  await waitFor('the first piece to be sent', async () => Number.parseInt(await status.textContent(), 10) >= 40, { every: 20 });
  await page.getByRole('button', { name: 'Pause: Holiday film.mp4' }).click();
  await status.filter({ hasText: /^Paused at / }).waitFor();
  await throttle(-1);
  await page.getByRole('button', { name: 'Go on: Holiday film.mp4' }).click();
  await page.getByText('It is there, and being made ready to play.').waitFor({ timeout: 30_000 });

  /* Made by the node, in the time that all else on the machine leaves it, and watched. */
  const card = page.getByRole('link', { name: 'Holiday film' });
  await card.waitFor();
  await card.locator('.badge').waitFor({ state: 'hidden', timeout: 300_000 });
  await card.click();
  await page.waitForFunction(() => window.porthole.video.currentTime >= 1, undefined, { timeout: 60_000 });
  assert.ok(Math.abs((await page.evaluate(() => window.porthole.video.duration)) - 12) < 0.3);

  /* A clip of it, by its times and its name. */
  await page.getByRole('button', { name: 'Make a clip' }).click();
  await page.locator('.clip-from').fill('0:03');
  await page.locator('.clip-to').fill('0:07');
  await page.locator('.clip-name').fill('Best moment');
  await page.locator('.clip-save').click();
  const clip = page.getByRole('link', { name: 'Best moment' });
  await clip.waitFor();
  await clip.locator('.badge').waitFor({ state: 'hidden', timeout: 240_000 });
  await clip.click();
  await page.waitForFunction(() => window.porthole.video.duration < 5 && window.porthole.video.currentTime >= 1, undefined, { timeout: 60_000 });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /Download MP4 · / }).click()]);
  assert.ok(Math.abs(Number((await probe(await download.path(), ['-show_format'])).format.duration) - 4) < 0.05);

  /* Deleted: gone from the list, and its address says so. */
  const id = new URL(page.url()).searchParams.get('recording');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.delete-dialog').getByRole('button', { name: 'Delete' }).click();
  await clip.waitFor({ state: 'detached' });
  assert.deepEqual(problems, []);
  await page.goto(`${node.url}/recordings?recording=${id}`);
  await page.getByText('deleted').waitFor();
  await waitFor('its objects to go', async () => (await request(`${node.url}/api/recordings/${id}`, { headers: { authorization: `Bearer ${token}` } })).status === 410);
}, { within: 600_000 });
