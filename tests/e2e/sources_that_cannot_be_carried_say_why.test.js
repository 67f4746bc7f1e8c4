// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { loopArguments, mediaFile, sourceFile, srtUrl } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { Transmitter } from './lib/transmit.js';
import { waitFor } from './lib/wait.js';

const once = { seconds: 4, audio: null };
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** CRC-32/MPEG-2, as sections end with. */
function sectionCrc(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** A transport stream whose program map says that its picture is H.266, which nothing here decodes, with bytes to match. */
function announceH266(stream) {
  const changed = Buffer.from(stream);
  for (let at = 0; at + 188 <= changed.length; at += 188) {
    const packet = changed.subarray(at, at + 188);
    const isStart = (packet[1] & 0x40) !== 0;
    if ((packet.readUInt16BE(1) & 0x1fff) === 256) {
      packet.fill(0x5a, 4 + (packet[3] & 0x20 ? 1 + packet[4] : 0) + (isStart ? 19 : 0));
      continue;
    }
    if (!isStart || (packet[3] & 0x30) !== 0x10 || packet[4] !== 0 || packet[5] !== 0x02) continue;
    const end = 8 + (packet.readUInt16BE(6) & 0xfff) - 4;
    packet[17 + (packet.readUInt16BE(15) & 0xfff)] = 0x33;
    packet.writeUInt32BE(sectionCrc(packet.subarray(5, end)), end);
  }
  return changed;
}

async function expectFailed(stage, node, name, reason, publish) {
  const session = await stage.session(node, { sub: name });
  await publish(session);
  const state = await waitFor(`${name} to fail`, async () => {
    const answer = await session.state(session.token);
    return answer.state === 'failed' && answer;
  }, { within: 60_000 });
  assert.match(state.reason, reason, `${name}: the reason is told`);
}

scenario('a source without media, one larger than 4K and one in an unknown codec fail with their reason', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_MOST_SESSIONS: '8' } });
  const huge = await mediaFile('mkv', ['-f', 'lavfi', '-i', 'color=size=5120x2880:rate=5', '-t', '4', ...x264]);
  const unknown = announceH266(fs.readFileSync(await mediaFile('ts', ['-f', 'lavfi', '-i', 'testsrc2=size=426x240:rate=25', '-t', '8', ...x264])));
  const stuffing = Buffer.alloc(188 * 7 * 800, Buffer.concat([Buffer.from([0x47, 0x1f, 0xff, 0x10]), Buffer.alloc(184, 0xff)]));
  await expectFailed(stage, node, 'huge', /5120|4096/, (session) => stage.publish(session, node.srtPort, { file: huge }));
  await expectFailed(stage, node, 'unknown-codec', /decoded here/, (session) => new Transmitter(stage, session, node.srtPort).pace(unknown, 8));
  await expectFailed(stage, node, 'no-media', /video/i, (session) => new Transmitter(stage, session, node.srtPort).pace(stuffing, 8));
  const good = await stage.session(node);
  await stage.publish(good, node.srtPort);
  assert.equal((await good.multivariant()).variants.length, 2, 'and the node goes on');
}, { within: 90_000 });

scenario('a source above 1080p is scaled down, one below the ladder is not scaled up, and 240 fps become the grid\'s', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_MOST_SESSIONS: '8', PORTHOLE_LADDER: '1080p30@2000k,360p30@600k' } });
  const play = async (name, file) => {
    const session = await stage.session(node, { sub: name });
    const publisher = stage.child('ffmpeg', loopArguments(file, srtUrl(node.srtPort, session.key)), { name });
    const { variants } = await session.multivariant(60_000);
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
