// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { loopArguments, sourceFile, srtUrl } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

/** Tries to publish and returns the reason of SRT's rejection, as it went over the wire. */
async function rejected(stage, node, streamid, options) {
  const relay = await stage.relay(node.srtPort);
  const url = srtUrl(relay.port, streamid, options);
  const publisher = stage.child('ffmpeg', loopArguments(await sourceFile(), url), { name: 'rejected publisher' });
  const reason = await waitFor('a rejection', () => relay.rejections[0], { within: 30_000 });
  const { code } = await publisher.ended();
  assert.notEqual(code, 0, 'the publisher is told');
  return reason;
}

scenario('a wrong, a missing and a malformed key, a busy and an ended session are told apart', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  assert.equal(await rejected(stage, node, 'not-a-key'), 1401, 'a wrong key');
  await node.logged('a refusal', ({ msg }) => /refus|reject/i.test(msg ?? ''));
  assert.equal(await rejected(stage, node, ''), 1401, 'no key');
  assert.equal(await rejected(stage, node, '#!::m=publish,r=x'), 1401, 'the long syntax without a key');
  assert.equal(await rejected(stage, node, '#!::m=publish,s'), 1400, 'malformed');
  assert.equal(await rejected(stage, node, `#!::m=request,s=${session.key}`), 1405, 'asks to play');
  assert.equal(await rejected(stage, node, 'x'.repeat(512)), 1400, 'as long as SRT allows');

  await stage.publish(session, node.srtPort);
  await session.multivariant();
  assert.equal(await rejected(stage, node, session.key), 1409, 'a second publisher');
  await session.segments('v360', 1);

  await stage.end(session);
  assert.equal(await rejected(stage, node, session.key), 1403, 'its session is over');
});

scenario('a full node says so', async (stage) => {
  const { node } = await stage.live({ env: { PORTHOLE_MOST_SESSIONS: '1' } });
  const second = await stage.session(node, { sub: 'streamer-2' });
  assert.equal(await rejected(stage, node, second.key), 1402);
});

scenario('the long streamid publishes as the plain one does', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  await stage.publish(session, 0, { url: srtUrl(node.srtPort, `#!::m=publish,s=${session.key}`) });
  assert.equal((await session.multivariant()).variants.length, 2);
});
