// FFmpeg has a WHIP muxer since 8. Where the system's ffmpeg is older, as on Debian 12 and 13, this file says so, and tells what
// stands in for it: what that muxer offers and how it sends are held by the unit tests of negotiation, RTP session and timeline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './lib/child.js';
import { clockArguments, frameNumbers } from './lib/clock_picture.js';
import { loudness } from './lib/frames.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';
import { signallingThrough } from './lib/whip_sdp.js';

const tell = async (...args) => (await run('ffmpeg', ['-hide_banner', ...args])).stdout.toString();
const version = /^ffmpeg version (?:\d+:)?n?(\d+)\S*/.exec(await tell('-version'));
const muxers = await tell('-muxers');
const hasWhip = /^\s*E\s+whip\s/m.test(muxers);

test('the system\'s ffmpeg has a WHIP muxer when it is as new as the README asks for', (t) => {
  if (version) assert.equal(hasWhip, Number(version[1]) >= 8, `${version[0]}, with a WHIP muxer: ${hasWhip}`);
  if (!hasWhip) t.diagnostic(`${version?.[0] ?? 'this ffmpeg'} has no WHIP muxer: that ffmpeg itself goes live over WHIP is NOT tried on this machine`);
});

/** As the README says it, but for a source that numbers its pictures. */
function publish(stage, url, key) {
  const [, , , picture] = clockArguments();
  return stage.child('ffmpeg', [
    '-nostdin', '-hide_banner', '-re', '-f', 'lavfi', '-i', picture, '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-b:v', '800k',
    '-g', '30', '-bf', '0', '-c:a', 'libopus', '-ar', '48000', '-ac', '2', '-f', 'whip', '-authorization', key, `${url}/whip`,
  ], { name: 'ffmpeg' });
}

const state = async (session) => (await session.state(session.token)).state;

/** In the two segments that begin next. */
async function assertWhole(stage, session) {
  const { segments } = await session.segments('v360', 3);
  const [from, to] = [segments.at(-2).msn, segments.at(-1).msn];
  const numbers = await frameNumbers(await stage.download(session, 'v360', from, to));
  assert.deepEqual(numbers, numbers.map((_, place) => numbers[0] + place), 'every picture is there, once, in its order');
  assert.ok((await loudness(await stage.download(session, 'audio', from, to))).mean > -40, 'the tone is heard');
}

if (hasWhip) {
  scenario('ffmpeg -f whip goes live, is told of a wrong key, returns after it was killed, and says goodbye', async (stage) => {
    const node = await stage.node();
    const session = await stage.session(node);

    const stranger = publish(stage, node.url, 'not-a-key');
    assert.notEqual((await stranger.ended()).code, 0);
    assert.match(stranger.stderr, /401 Unauthorized/);

    const first = publish(stage, node.url, session.key);
    await session.multivariant();
    const rules = stage.rules(session);
    await assertWhole(stage, session);
    await rules.hold();

    await first.stop('SIGKILL');
    const second = await waitFor('the key to be free, and ffmpeg to be taken again', async () => {
      const child = publish(stage, node.url, session.key);
      await waitFor('an answer', () => !child.running || node.lines.filter(({ msg }) => msg === 'publisher accepted').length > 1);
      return child.running && child;
    });
    await waitFor('the session to be live again', async () => (await state(session)) === 'live');
    await assertWhole(stage, session);

    const endedAt = Date.now();
    await second.stop('SIGINT');
    await waitFor('the goodbye to be heard', async () => (await state(session)) === 'reconnecting', { within: 12_000 });
    assert.ok(Date.now() - endedAt < 12_000, 'it was not waited for until consent ran out');
    assert.ok(node.line(({ msg, reason }) => msg === 'publisher lost' && reason === 'the publisher ended it'), 'DELETE came');
  });

  scenario('ffmpeg -f whip sends again what a lossy network loses', async (stage) => {
    const node = await stage.node();
    const relay = await stage.relay(node.webrtcPort, { delay: 20, loss: 5 });
    const session = await stage.session(node);
    publish(stage, await signallingThrough(stage, node, relay), session.key);
    await session.multivariant();
    await assertWhole(stage, session);
    assert.ok((await node.metric('porthole_webrtc_recovered_packets_total', { session: session.id })) > 0);
  });
}
