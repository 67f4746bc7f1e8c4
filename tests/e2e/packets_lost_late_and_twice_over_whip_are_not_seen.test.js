import assert from 'node:assert/strict';
import { countFrames, loudness } from './lib/frames.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';

/** What each network may cost: frames of two segments that stand still. */
const networks = [
  { name: '5 % loss', still: 6, loss: 5 },
  { name: '15 % loss', still: 30, loss: 15 },
  { name: 'reordering and duplicates', still: 6, reorder: 10, duplicate: 10 },
  { name: '100 ms jitter', still: 20, delay: 50, jitter: 50 },
];
const calm = { loss: 0, reorder: 0, duplicate: 0, delay: 25, jitter: 0 };

scenario('packets that are lost, late, out of order or there twice on the way from a WHIP publisher are not seen', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const relay = await stage.relay(node.webrtcPort, { ...calm, seed: 11 });
  await stage.whip(session, { relay });
  await session.multivariant();
  await stage.steady(session);
  const rules = stage.rules(session, { except: lateness });
  const watch = stage.watch(session, 'v360');
  for (const { name, still, ...network } of networks) {
    Object.assign(relay, calm, network);
    const from = (await session.playlist('v360')).segments.at(-1)?.msn ?? -1;
    await session.segments('v360', 3);
    const picture = await countFrames(await stage.download(session, 'v360', from + 2, from + 3));
    assert.equal(picture.all, 120, name);
    assert.ok(picture.all - picture.moving <= still, `${name}: ${picture.all - picture.moving} of ${picture.all} frames stand still`);
    assert.ok((await loudness(await stage.download(session, 'audio', from + 2, from + 3))).mean > -40, `${name}: the tone is heard`);
  }
  assert.ok((await node.metric('porthole_webrtc_recovered_packets_total')) > 50, 'what was lost was sent again');
  assert.ok(watch.longestGap() <= 700, `no part for ${watch.longestGap()} ms`);

  Object.assign(relay, calm);
  await session.segments('v360', 1);
  const changedAt = Date.now(), from = (await session.playlist('v360')).segments.at(-1).msn;
  await relay.changeAddress();
  /* libdatachannel checks its path every five seconds or so: its media alone vouches for the new address until then. */
  await session.segments('v360', 4);
  assert.ok(watch.longestGap(changedAt) <= 700, `after a change of address no part for ${watch.longestGap(changedAt)} ms`);
  const picture = await countFrames(await stage.download(session, 'v360', from, from + 3));
  assert.ok(picture.all - picture.moving <= 30, `${picture.all - picture.moving} of ${picture.all} frames stand still at the new address`);
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  await rules.hold();
}, { within: 120_000 });
