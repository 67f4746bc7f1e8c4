import assert from 'node:assert/strict';
import { countFrames, loudness } from './lib/frames.js';
import { scenario } from './lib/stage.js';

scenario('five percent of packets lost each way: SRT recovers them, and viewers see nothing of it', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const relay = await stage.relay(node.srtPort, { loss: 5, delay: 10, jitter: 2, seed: 7 });
  await stage.publish(session, relay.port);
  await session.multivariant();
  await stage.steady(session);
  const rules = stage.rules(session);
  const watch = stage.watch(session, 'v360');
  const playlist = await session.segments('v360', 7);
  const [from, to] = [playlist.segments.at(-6).msn, playlist.segments.at(-1).msn];
  const picture = await countFrames(await stage.download(session, 'v360', from, to));
  assert.equal(picture.all, 60 * 6);
  assert.ok(picture.all - picture.moving <= 4, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
  assert.ok((await loudness(await stage.download(session, 'audio', from, to))).mean > -40, 'the tone is heard');
  assert.ok(watch.longestGap() <= 600, `no part for ${watch.longestGap()} ms`);
  assert.ok(relay.lost > 40, 'the network did lose packets');
  const retransmitted = (await node.metrics()).filter((one) => /^porthole_.*srt.*retrans/.test(one.name)).reduce((sum, one) => sum + one.value, 0);
  assert.ok(retransmitted > 0, 'and the metrics tell of retransmissions');
  await rules.hold();
});
