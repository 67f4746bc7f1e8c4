import assert from 'node:assert/strict';
import { countFrames } from './lib/frames.js';
import { loopArguments, sourceFile } from './lib/media.js';
import { lateness } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { Transmitter } from './lib/transmit.js';
import { pause } from './lib/wait.js';

scenario('a source that falls silent for ten seconds on an open connection never stalls the playlist', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const transmitter = new Transmitter(stage, session, node.srtPort);
  const encoder = stage.child('ffmpeg', loopArguments(await sourceFile(), 'pipe:1'), { name: 'encoder' });
  encoder.process.stdout.pipe(transmitter.input);
  await session.multivariant();
  const rules = stage.rules(session, { except: lateness });
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 2);

  const silentAt = Date.now();
  encoder.signal('SIGSTOP');
  await pause(10_000); // the silence itself is what is tested
  const during = await session.playlist('v360');
  encoder.signal('SIGCONT');
  assert.ok(transmitter.child.running, 'the connection stays open');
  assert.ok(watch.longestGap(silentAt) <= 1_000, `the playlist stood still for ${watch.longestGap(silentAt)} ms`);
  const quiet = during.segments.at(-1).msn;
  const still = await countFrames(await stage.download(session, 'v360', quiet, quiet));
  assert.equal(still.all, 60);
  assert.ok(still.moving <= 3, 'the last picture is repeated');

  const after = await session.segments('v360', 4);
  const last = after.segments.at(-1).msn;
  const picture = await countFrames(await stage.download(session, 'v360', last, last));
  assert.ok(picture.moving >= 50, `only ${picture.moving} frames move after the silence`);
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  await rules.hold();
});
