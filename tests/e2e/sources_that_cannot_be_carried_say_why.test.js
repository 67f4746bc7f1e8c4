import assert from 'node:assert/strict';
import { loopArguments, mediaFile, sourceFile, srtUrl } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const once = { seconds: 4, audio: null };
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

async function expectFailed(stage, node, name, file, reason) {
  const session = await stage.session(node, { sub: name });
  await stage.publish(session, node.srtPort, { file });
  const state = await waitFor(`${name} to fail`, async () => {
    const answer = await session.state(session.token);
    return answer.state === 'failed' && answer;
  }, { within: 20_000 });
  assert.match(JSON.stringify(state), reason, `${name}: the reason is told`);
}

scenario('a source without video, one larger than 4K and one in an unknown codec fail with their reason', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_MOST_SESSIONS: '8' } });
  const soundOnly = await mediaFile('mkv', ['-f', 'lavfi', '-i', 'sine=frequency=440', '-t', '8', '-c:a', 'aac']);
  const huge = await mediaFile('mkv', ['-f', 'lavfi', '-i', 'color=size=5120x2880:rate=5', '-t', '4', ...x264]);
  const unknown = await mediaFile('ts', ['-f', 'lavfi', '-i', 'testsrc2=size=426x240:rate=25', '-t', '8', '-c:v', 'mpeg4']);
  await expectFailed(stage, node, 'sound-only', soundOnly, /video/i);
  await expectFailed(stage, node, 'huge', huge, /5120|4096|larger|large/i);
  await expectFailed(stage, node, 'unknown-codec', unknown, /codec|mpeg4/i);
  const { multivariant } = { multivariant: await stage.session(node).then(async (session) => {
    await stage.publish(session, node.srtPort);
    return session.multivariant();
  }) };
  assert.equal(multivariant.variants.length, 2, 'and the node goes on');
}, { within: 90_000 });

scenario('a source above 1080p is scaled down, one below the ladder is not scaled up, and 240 fps become the grid\'s', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_MOST_SESSIONS: '8', PORTHOLE_LADDER: '1080p30@2000k,360p30@600k' } });
  const play = async (name, file) => {
    const session = await stage.session(node, { sub: name });
    const publisher = stage.child('ffmpeg', loopArguments(file, srtUrl(node.srtPort, session.key)), { name });
    const { variants } = await session.multivariant(15_000);
    await session.segments(variants[0].track, 1);
    await publisher.stop('SIGKILL');
    await stage.end(session);
    return variants.map((variant) => `${variant.resolution}@${variant.frameRate}`).sort();
  };
  const large = await sourceFile({ ...once, size: '2560x1440', rate: 10, bitrate: '2M' });
  const small = await sourceFile({ ...once, size: '320x180' });
  const fast = await sourceFile({ ...once, size: '640x360', rate: 240 });
  assert.deepEqual(await play('large', large), ['1920x1080@30', '640x360@30']);
  assert.deepEqual(await play('small', small), ['320x180@30']);
  assert.deepEqual(await play('fast', fast), ['640x360@30']);
}, { within: 90_000 });
