// A publisher over WebRTC begins: how soon it is seen, how good it is from the start, and what a change of address costs.
//
// Chromium publishes 1080p30 from the publish page, its camera a file of moving pictures; a second page of the same browser
// waits on the watch page, as a family does. A file's H.264 and Opus by libdatachannel tell the server's share apart.
import { goLive, cameraFile, openPublishingChromium, openPublishPage } from '../browser/lib/publishing.js';
import { fetchWhole } from '../e2e/lib/http.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { printTable, quantile } from './lib/table.js';

const ladder = { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' };
const source = { size: '1920x1080', bitrate: '6M', keyframe_s: 2 };
const rounds = Number(process.argv[2] ?? 3);

async function withNode(measure) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env: ladder });
    return await measure(stage, node, await stage.session(node));
  } finally {
    await stage.close();
  }
}

/** Date.now() when the first part of v1080 is fetched whole. */
async function firstPart(session) {
  const first = await waitFor('the first part', async () => (await session.playlist('v1080')).parts[0], { within: 20_000, every: 5 });
  return (await fetchWhole(`${session.live}/v1080/${first.msn}.${first.part}.m4s`)).endedAt;
}

const fromFile = (round) => withNode(async (stage, node, session) => {
  const part = firstPart(session);
  const publisher = await stage.whip(session, { source });
  const { postedAt } = publisher.event('answered');
  const skipped = { post: (await part) - postedAt };
  if (round > 0) return skipped;
  const relay = await stage.relay(node.webrtcPort);
  const other = await stage.session(node, { sub: 'streamer-2' });
  await publisher.end();
  await stage.whip(other, { source, relay });
  await other.multivariant();
  const watch = stage.watch(other, 'v1080');
  await other.segments('v1080', 2);
  const changedAt = Date.now();
  await relay.changeAddress();
  await other.segments('v1080', 3);
  return { ...skipped, addressGap: watch.longestGap(changedAt), addressSkips: watch.skipped().length };
});

/** In the page: what was sent, five times a second from the moment it is connected. */
function noteStatistics() {
  window.sent = [];
  const look = async () => {
    const { connection, phase } = window.porthole;
    if (connection && phase === 'live') {
      const report = await connection.getStats();
      for (const entry of report.values())
        if (entry.type === 'outbound-rtp' && entry.kind === 'video') window.sent.push({ at: performance.now(), bytes: entry.bytesSent, frames: entry.framesSent, height: entry.frameHeight });
    }
    setTimeout(look, 100);
  };
  void look();
}

/** Rates between two and three seconds after connecting. */
function ratesAtTwoSeconds(sent) {
  const after = (ms) => sent.find(({ at }) => at >= sent[0].at + ms);
  const [from, to] = [after(2_000), after(3_000)];
  const seconds = (to.at - from.at) / 1000;
  return { fps: (to.frames - from.frames) / seconds, mbit: ((to.bytes - from.bytes) * 8) / seconds / 1e6, height: to.height };
}

const fromChromium = (round, camera) => withNode(async (stage, node, session) => {
  const browser = await openPublishingChromium(stage, { camera });
  const relay = await stage.relay(node.webrtcPort);
  const viewer = await (await browser.newContext()).newPage();
  await viewer.goto(`${node.url}/watch/${session.id}`);
  const openedAt = Date.now();
  const page = await openPublishPage(browser, node, session, { relay, quality: '1080p30' });
  await page.evaluate(noteStatistics);
  const postedAt = Date.now();
  const part = firstPart(session);
  await goLive(page);
  const post = (await part) - postedAt;
  await viewer.waitForFunction(() => window.porthole?.video?.getVideoPlaybackQuality().totalVideoFrames > 0, undefined, { timeout: 20_000, polling: 20 });
  const watched = Date.now() - openedAt;
  await page.waitForFunction(() => window.sent.length > 1 && window.sent.at(-1).at > window.sent[0].at + 3_100);
  const figures = { post, watched, ...ratesAtTwoSeconds(await page.evaluate(() => window.sent)) };
  if (round > 0) return figures;
  await viewer.close();
  const watch = stage.watch(session, 'v1080');
  await session.segments('v1080', 1);
  const changedAt = Date.now();
  await relay.changeAddress();
  await session.segments('v1080', 3);
  return { ...figures, addressGap: watch.longestGap(changedAt), addressSkips: watch.skipped().length };
});

const files = [];
for (let round = 0; round < rounds; round++) files.push(await fromFile(round));
const camera = await cameraFile({ picture: 'motion', size: '1920x1080', seconds: 5 });
const pages = [];
for (let round = 0; round < rounds; round++) pages.push(await fromChromium(round, camera));

const row = (what, values, bar) => [what, values.length, quantile(values, 0.5), quantile(values, 1), bar];
printTable('WHIP: from the beginning, ms', ['what', 'times', 'median', 'max', 'bar'], [
  row('POST → first part fetched, file', files.map(({ post }) => post), '2000'),
  row('"Go live" → first part fetched, Chromium', pages.map(({ post }) => post), '2000'),
  row('publish page opened → watched in another page', pages.map(({ watched }) => watched), '4000'),
  row('change of address, longest gap, file', [files[0].addressGap], '2000'),
  row('change of address, longest gap, Chromium', [pages[0].addressGap], '2000'),
], { digits: 0 });
console.log(`parts skipped by the changes of address: ${files[0].addressSkips + pages[0].addressSkips}`);
printTable('Chromium, two to three seconds after connecting (bar: 30 fps, ≥ 4 Mbit/s)', ['round', 'fps', 'Mbit/s', 'height'],
  pages.map(({ fps, mbit, height }, index) => [index + 1, fps, mbit, height]), { digits: 1 });
