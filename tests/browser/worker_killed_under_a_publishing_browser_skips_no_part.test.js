import assert from 'node:assert/strict';
import { countFrames, loudness } from '../e2e/lib/frames.js';
import { lateness } from '../e2e/lib/rules.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { closePage } from './lib/chromium.js';
import { figures, goLive, openPublishingChromium, openPublishPage, phase } from './lib/publishing.js';

/** To run in the page: it offers this video codec alone. */
const offerOnly = (codec) => `{
  const { setCodecPreferences } = RTCRtpTransceiver.prototype;
  RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
    const kept = codecs.filter(({ mimeType }) => !mimeType.startsWith('video/') || ['video/${codec}', 'video/rtx'].includes(mimeType));
    return setCodecPreferences.call(this, kept);
  };
}`;

/** A browser that encodes beside everything else may send few pictures, and encoders in need leave some out: a third is life. */
async function assertMoves(stage, session, segments, least = 0.3) {
  const playlist = await session.segments('v360', segments + 1);
  const [from, to] = [playlist.segments.at(-segments).msn, playlist.segments.at(-1).msn];
  const picture = await countFrames(await stage.download(session, 'v360', from, to));
  assert.ok(picture.moving >= 60 * segments * least, `${picture.moving} of ${picture.all} frames move`);
  assert.ok((await loudness(await stage.download(session, 'audio', from, to))).max > -40, 'the tone is heard');
}

async function publish(stage, browser, node, codec) {
  const session = await stage.session(node);
  const page = await openPublishPage(browser, node, session, { prepare: offerOnly(codec) });
  await goLive(page);
  await session.multivariant();
  await stage.steady(session);
  await waitFor('its codec to be known', async () => (await figures(page)).codec);
  assert.equal((await figures(page)).codec, codec);
  return { session, page };
}

scenario('a worker killed while a browser publishes VP8, whose keyframes come on request alone, skips no part', async (stage) => {
  const node = await stage.node();
  const browser = await openPublishingChromium(stage);
  const { session, page } = await publish(stage, browser, node, 'VP8');
  const rules = stage.rules(session, { except: lateness });
  const watches = ['v360', 'v240', 'audio'].map((track) => stage.watch(session, track));
  await assertMoves(stage, session, 2);

  for (let round = 0; round < 2; round++) {
    /* Time enough for a keyframe that was asked for: a replay begins there, not at the beginning. */
    await session.segments('v360', 3);
    const killedAt = Date.now();
    process.kill(node.workers()[0].pid, 'SIGKILL');
    await session.segments('v360', 2);
    for (const watch of watches) assert.ok(watch.longestGap(killedAt) <= 2_000, `${watch.url}: no part for ${watch.longestGap(killedAt)} ms`);
  }
  await assertMoves(stage, session, 1);
  await phase(page, 'live');
  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), [], watch.url);
    assert.equal(watch.discontinuities, 0, watch.url);
  }
  await rules.hold();
}, { within: 90_000 });

scenario('VP9 and AV1 play as any source', async (stage) => {
  const node = await stage.node();
  const browser = await openPublishingChromium(stage);
  for (const codec of ['VP9', 'AV1']) {
    const { session, page } = await publish(stage, browser, node, codec);
    await assertMoves(stage, session, 1, 0.1); /* the browser's encoder is slow, and begins with few bits */
    await closePage(page);
  }
}, { within: 90_000 });
