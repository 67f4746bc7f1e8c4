// A publisher over WebRTC begins: how soon it is seen, how good it is from the start, and what a change of address costs.
//
// Chromium publishes 1080p30 from the publish page, its camera a file of moving pictures; a second page of the same browser
// waits on the watch page, as a family does. How good it is from the start is told twice, with that second page and without: it decodes
// and paints on the cores that the first encodes on, which the headset's do not. A file's H.264 and Opus by libdatachannel tell the
// server's share apart.
//
//   node tests/bench/whip.js [rounds] [ladder]
//
// Where the publishing browser shares two cores with the node, a cheaper ladder ("1080p10@1500k") leaves it what it needs to send
// 30 pictures a second.
import { goLive, cameraFile, openPublishingChromium, openPublishPage } from '../browser/lib/publishing.js';
import { fetchWhole } from '../e2e/lib/http.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { whipFile } from '../e2e/lib/whip_publisher.js';
import { checkBar } from './lib/bar.js';
import { printTable, quantile } from './lib/table.js';

/* The browser encodes on the same cores: the least effort leaves it some. */
const env = { PORTHOLE_LADDER: process.argv[3] ?? '1080p30@4500k,720p30@2500k', PORTHOLE_PRESET: 'ultrafast' };
const source = { size: '1920x1080', bitrate: '6M', keyframe_s: 2 };
const rounds = Number(process.argv[2] ?? 3);

async function withNode(measure) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env });
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

/** Changes the publisher's address: the longest time without a new part, how long the picture stood still (both ms), and what
 * was skipped. */
async function changeAddress(stage, node, session, relay) {
  await session.multivariant();
  const watch = stage.watch(session, 'v1080');
  await session.segments('v1080', 2);
  const repeated = () => node.metric('porthole_worker_frames_repeated', { session: session.id });
  const [changedAt, before] = [Date.now(), (await repeated()) ?? 0];
  await relay.changeAddress();
  await session.segments('v1080', 4);
  return { gap: watch.longestGap(changedAt), still: (((await repeated()) ?? 0) - before) * (1000 / 30), skips: watch.skipped().length };
}

const fromFile = (round) => withNode(async (stage, node, session) => {
  const part = firstPart(session);
  const publisher = await stage.whip(session, { file });
  const { postedAt } = publisher.event('answered');
  const figures = { post: (await part) - postedAt };
  if (round > 0) return figures;
  const relay = await stage.relay(node.webrtcPort);
  const other = await stage.session(node, { sub: 'streamer-2' });
  await publisher.end();
  await stage.end(session);
  await stage.whip(other, { file, relay });
  return { ...figures, address: await changeAddress(stage, node, other, relay) };
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

/** Opens the publish page beside whatever the browser shows, and goes live from it. */
async function publish(stage, node, session, browser) {
  const relay = await stage.relay(node.webrtcPort);
  const page = await openPublishPage(browser, node, session, { relay, quality: '1080p30' });
  await page.evaluate(noteStatistics);
  const postedAt = Date.now();
  const part = firstPart(session);
  await goLive(page);
  const rates = async () => {
    await page.waitForFunction(() => window.sent.length > 1 && window.sent.at(-1).at > window.sent[0].at + 3_100);
    return ratesAtTwoSeconds(await page.evaluate(() => window.sent));
  };
  return { relay, rates, post: (await part) - postedAt };
}

const fromChromium = (round, camera) => withNode(async (stage, node, session) => {
  const browser = await openPublishingChromium(stage, { camera });
  const viewer = await (await browser.newContext()).newPage();
  await viewer.goto(`${node.url}/watch/${session.id}`);
  const openedAt = Date.now();
  const { relay, rates, post } = await publish(stage, node, session, browser);
  await viewer.waitForFunction(() => window.porthole?.video?.getVideoPlaybackQuality().totalVideoFrames > 0, undefined, { timeout: 20_000, polling: 20 });
  const watched = Date.now() - openedAt;
  const figures = { post, watched, ...await rates() };
  if (round > 0) return figures;
  await viewer.close();
  return { ...figures, address: await changeAddress(stage, node, session, relay) };
});

const unwatched = (camera) => withNode(async (stage, node, session) => {
  const { rates } = await publish(stage, node, session, await openPublishingChromium(stage, { camera }));
  return rates();
});

/* Made before anything is measured. */
const file = await whipFile(source);
const camera = await cameraFile({ picture: 'test', size: '1920x1080', seconds: 2, raw: true });

const files = [];
for (let round = 0; round < rounds; round++) files.push(await fromFile(round));
const pages = [], alone = [];
for (let round = 0; round < rounds; round++) {
  pages.push(await fromChromium(round, camera));
  alone.push(await unwatched(camera));
}

const row = (what, values) => [what, values.length, quantile(values, 0.5), quantile(values, 1)];
printTable('WHIP: from the beginning, ms', ['what', 'times', 'median', 'max'], [
  row('POST → first part fetched, file', files.map(({ post }) => post)),
  row('"Go live" → first part fetched, Chromium', pages.map(({ post }) => post)),
  row('publish page opened → watched in another page', pages.map(({ watched }) => watched)),
], { digits: 0 });
printTable('change of address, ms', ['publisher', 'longest gap of parts', 'picture stood still', 'parts skipped'],
  [['file, libdatachannel', files[0].address], ['Chromium', pages[0].address]].map(([name, { gap, still, skips }]) => [name, gap, still, skips]), { digits: 0 });
const rates = ({ fps, mbit, height }) => [fps, mbit, height];
printTable('Chromium, two to three seconds after connecting', ['round', 'fps', 'Mbit/s', 'height', 'watched beside it: fps', 'Mbit/s', 'height'],
  pages.map((page, index) => [index + 1, ...rates(alone[index]), ...rates(page)]), { digits: 1 });
for (const [name, list] of [['file', files], ['Chromium', pages]]) {
  checkBar(`${name}: POST → first part, median ms`, quantile(list.map(({ post }) => post), 0.5), { most: 2000 });
  checkBar(`${name}: change of address, longest gap of parts, ms`, list[0].address.gap, { most: 2000 });
  checkBar(`${name}: change of address, parts skipped`, list[0].address.skips, { most: 0 });
}
checkBar('publish page opened → watched, median ms', quantile(pages.map(({ watched }) => watched), 0.5), { most: 4000 });
/* 30, of which the second that is counted may miss half a picture at either end. */
checkBar('pictures a second after two seconds, median', quantile(alone.map(({ fps }) => fps), 0.5), { least: 29.5 });
checkBar('Mbit/s after two seconds, median', quantile(alone.map(({ mbit }) => mbit), 0.5), { least: 4 });
