import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { sourceFile } from './lib/media.js';
import { tolerance } from './lib/rules.js';
import { scenario } from './lib/stage.js';
import { Transmitter } from './lib/transmit.js';

const packet_bytes = 188;

/** Flips bits of a transport stream: one packet in `every`, in the payload or in the tables. */
function damaged(stream, every, seed) {
  const copy = Buffer.from(stream);
  const noise = crypto.createHash('sha512');
  for (let at = 0, n = 0; at + packet_bytes <= copy.length; at += packet_bytes, n++) {
    if (n % every) continue;
    const random = noise.copy().update(`${seed}:${n}`).digest();
    for (let i = 0; i < 6; i++) copy[at + 4 + (random.readUInt16BE(2 * i) % 184)] ^= random[20 + i];
  }
  return copy;
}

scenario('random bytes, lying tables and damaged pictures disturb no other session', async (stage) => {
  const { node, session } = await stage.live({ env: { PORTHOLE_MOST_SESSIONS: '8' } });
  const watch = stage.watch(session, 'v360');
  const rules = stage.rules(session);
  const file = path.join(stage.folder, 'source.ts');
  await run('ffmpeg', [
    '-nostdin', '-v', 'error', '-i', await sourceFile(), '-t', '8', '-c', 'copy', '-f', 'mpegts', '-muxrate', '2M', file,
  ]);
  const stream = fs.readFileSync(file);
  const hostile = {
    noise: crypto.createHash('shake256', { outputLength: 1 << 20 }).update('noise').digest(),
    'noise in packets': Buffer.from(damaged(Buffer.alloc(1 << 20, Buffer.concat([Buffer.from([0x47]), Buffer.alloc(187, 0x5a)])), 1, 'a')),
    'damaged everywhere': damaged(stream, 3, 'b'),
    'damaged tables': (() => {
      const copy = Buffer.from(stream);
      for (let at = 0; at + packet_bytes <= copy.length; at += packet_bytes) {
        const pid = copy.readUInt16BE(at + 1) & 0x1fff;
        if (pid === 0 || pid === 0x1000) copy.fill(0xff, at + 8, at + 60);
      }
      return copy;
    })(),
    'only nulls': Buffer.alloc(1 << 18),
    'cut in the middle of packets': stream.subarray(0, 1 << 20).filter((_, i) => i % 1000 !== 7),
  };
  for (const [name, bytes] of Object.entries(hostile)) {
    const victim = await stage.session(node, { sub: name.replaceAll(' ', '-') });
    const transmitter = new Transmitter(stage, victim, node.srtPort);
    await transmitter.pace(bytes, 4);
    assert.ok(node.child.running, `${name}: the node lives`);
    await transmitter.child.stop();
  }
  await session.segments('v360', 1);
  assert.deepEqual(watch.skipped(), []);
  assert.deepEqual(watch.problems, []);
  assert.equal(watch.discontinuities, 0);
  assert.ok(watch.longestGap() <= 700 + tolerance, `the other session stood still for ${watch.longestGap()} ms`);
  await rules.hold();
}, { within: 90_000 });
