import assert from 'node:assert/strict';
import { countFrames } from './lib/frames.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { pause, waitFor } from './lib/wait.js';

async function expectUnbroken(stage, session, watch, since) {
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  assert.deepEqual(watch.problems, []);
  assert.ok(watch.longestGap(since) <= 1_000, `the playlist stood still for ${watch.longestGap(since)} ms`);
  const { segments } = await session.playlist('v360');
  const last = segments.at(-1).msn;
  const picture = await countFrames(await stage.download(session, 'v360', last, last));
  assert.ok(picture.moving >= 55, `only ${picture.moving} of ${picture.all} frames move after the return`);
}

scenario('a publisher that dies and returns after five seconds goes on in the same session', async (stage) => {
  const { node, session, publisher } = await stage.live();
  const rules = stage.rules(session, { except: lateness });
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 1);
  const goneAt = Date.now();
  publisher.signal('SIGKILL');
  await waitFor('the state to say so', async () => (await session.state(session.token)).state === 'reconnecting', { within: 40_000 });
  await pause(Math.max(0, goneAt + 5_000 - Date.now())); // the absence itself is what is tested
  await stage.publish(session, node.srtPort);
  await waitFor('the session to be live again', async () => (await session.state(session.token)).state === 'live');
  await session.segments('v360', 3);
  await expectUnbroken(stage, session, watch, goneAt);
  await rules.hold();
});

scenario('a publisher whose address changes takes over from its own dead connection', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const relay = await stage.relay(node.srtPort);
  await stage.publish(session, relay.port);
  await session.multivariant();
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 1);
  const changedAt = Date.now();
  relay.cut();
  const elsewhere = await stage.relay(node.srtPort);
  // The old connection is silent for two seconds, but the server has not given it up: the key's owner may still come back.
  await pause(2_000);
  const taken = () => node.lines.filter(({ msg }) => msg === 'publisher accepted').length;
  const before = taken();
  await waitFor('the new connection to be taken', async () => {
    const again = await stage.publish(session, elsewhere.port);
    await waitFor('an answer', () => !again.running || taken() > before, { every: 20 });
    return taken() > before;
  }, { within: 60_000 });
  await session.segments('v360', 3);
  await expectUnbroken(stage, session, watch, changedAt);
});

scenario('a publisher that stays away longer than the reconnect window has ended its session', async (stage) => {
  const { node, session, publisher } = await stage.live({ env: { PORTHOLE_RECONNECT_WINDOW_S: '5' } });
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 1);
  publisher.signal('SIGKILL');
  await waitFor('ENDLIST', () => watch.ended);
  await waitFor('the session to be over', async () => (await session.state(session.token)).state === 'ended');
  const late = await stage.publish(session, node.srtPort);
  assert.notEqual((await late.ended()).code, 0, 'the key of a session that is over must not publish');
});
