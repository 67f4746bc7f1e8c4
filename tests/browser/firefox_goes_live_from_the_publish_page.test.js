import assert from 'node:assert/strict';
import { run } from '../e2e/lib/child.js';
import { freePort } from '../e2e/lib/ports.js';
import { lateness } from '../e2e/lib/rules.js';
import { scenario, Session } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { openFirefox, openFirefoxPage, ownAddress } from './lib/firefox.js';

const phase = (page, wanted) => page.waitForFunction((name) => window.porthole.phase === name, {}, wanted);

/** How many different pictures a file holds, of how many. */
async function pictures(file) {
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-map', '0:v', '-f', 'framehash', '-hash', 'md5', '-']);
  const hashes = stdout.toString('utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(',').at(-1).trim());
  return { shown: hashes.length, different: new Set(hashes).size };
}

/** Its loudness on the whole, in dB of full scale. */
async function loudness(file) {
  const { stderr } = await run('ffmpeg', ['-nostdin', '-hide_banner', '-i', file, '-map', '0:a', '-af', 'volumedetect', '-f', 'null', '-']);
  return Number(/mean_volume: (\S+) dB/.exec(stderr.toString('utf8'))[1]);
}

scenario('Firefox goes live with VP8 and Opus from the publish page; both renditions move, with sound, and Stop ends the session', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_WEBRTC_LISTEN: `${ownAddress()}:${await freePort()}` } });
  const token = await stage.token(node);
  const page = await openFirefoxPage(await openFirefox(stage), `${node.url}/publish#token=${token}`);
  await page.click('.turn-on');
  await page.waitForFunction(() => document.querySelector('.preview').videoWidth > 0);
  await page.select('.quality-select', '720p30');
  await page.select('.visibility-select', 'public');
  await page.waitForFunction(() => document.querySelector('.preview').videoHeight === 720);
  const started = page.waitForResponse((response) => response.url().endsWith('/api/sessions/start'));
  await page.click('.go-button');
  const answer = await (await started).json();
  const session = new Session(answer, { api: node, origin: node });
  stage.secrets.add(answer.streamKey);
  await phase(page, 'live');

  const { variants } = await session.multivariant();
  const tracks = variants.map(({ track }) => track);
  assert.equal(tracks.length, 2);
  const rules = stage.rules(session, { except: lateness });
  const watch = stage.watch(session, tracks[0]);
  const from = await stage.steady(session, { track: tracks[0] });
  await session.segments(tracks[0], 3);
  assert.deepEqual(watch.skipped(), []);
  await page.waitForFunction(() => window.porthole.figures.frameRate >= 10);
  const { codec, transport } = await page.evaluate(() => window.porthole.figures);
  assert.deepEqual([codec, transport], ['VP8', 'UDP']);
  for (const track of tracks) {
    const { shown, different } = await pictures(await stage.download(session, track, from, from + 2));
    assert.ok(shown === 180 && different > 54, `${track}: ${different} different pictures of ${shown}`);
  }
  const dB = await loudness(await stage.download(session, 'audio', from, from + 2));
  assert.ok(dB > -40, `sound at ${dB} dB`);
  await rules.hold();

  await page.click('.go-button');
  await page.waitForFunction(() => document.querySelector('.state-heading').textContent.includes('no longer live'));
  await waitFor('the session to be over', async () => (await session.state(token)).state === 'ended');
  assert.deepEqual(page.problems, []);
  assert.deepEqual(node.lines.filter(({ level }) => !['debug', 'info'].includes(level)), []);
}, { within: 90_000 });
