import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { countFrames, frameTimes, loudness } from './lib/frames.js';
import { sourceFile } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { Transmitter } from './lib/transmit.js';
import { pause } from './lib/wait.js';

const wrap_s = 2 ** 33 / 90000;

/** A transport stream of constant bitrate whose timestamps begin at `offset` seconds. */
async function transportStream(stage, offset, seconds) {
  const file = path.join(stage.folder, `${offset}.ts`);
  await run('ffmpeg', [
    '-nostdin', '-v', 'error', '-y', '-i', await sourceFile(), '-t', String(seconds), '-c', 'copy',
    '-output_ts_offset', String(offset), '-f', 'mpegts', '-muxrate', '2500k', '-muxdelay', '0', '-muxpreload', '0', file,
  ]);
  return fs.readFileSync(file);
}

/** Publishes the pieces one after the other and looks at what viewers got. */
async function publishPieces(stage, pieces, secondsEach) {
  const node = await stage.node();
  const session = await stage.session(node);
  const transmitter = new Transmitter(stage, session, node.srtPort);
  const startedAt = Date.now();
  const sending = (async () => {
    for (const piece of pieces) await transmitter.pace(piece, secondsEach);
  })();
  await session.multivariant();
  const rules = stage.rules(session);
  const watch = stage.watch(session, 'v360');
  // The last moments, in which the source dries up, are another scenario's.
  await pause(pieces.length * secondsEach * 1_000 - (Date.now() - startedAt) - 1_500);
  await rules.hold();
  await watch.stop();
  await sending;
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
  assert.ok(watch.longestGap() <= 1_000, `the playlist stood still for ${watch.longestGap()} ms`);
  const playlist = await session.playlist('v360');
  for (const segment of playlist.segments) assert.ok(Math.abs(segment.duration - 2) < 0.01, `a segment of ${segment.duration} s`);
  const seconds = pieces.length * secondsEach;
  const last = playlist.segments.filter((segment) => segment.msn < seconds / 2 - 1).at(-1).msn;
  const file = await stage.download(session, 'v360', 0, last);
  const times = await frameTimes(file);
  const leftOut = (await node.metric('porthole_worker_frames_dropped', { session: session.id })) ?? 0; // for want of time
  const steps = times.slice(1).map((time, i) => (time - times[i]) * 30);
  steps.forEach((step, i) => assert.ok(step > 0.97 && Math.abs(step - Math.round(step)) < 0.03, `frames jump at ${times[i + 1]}`));
  assert.ok(Math.round(steps.reduce((sum, step) => sum + step - 1, 0)) <= leftOut, `frames are missing, ${leftOut} were left out`);
  return { picture: await countFrames(file), sound: await loudness(await stage.download(session, 'audio', 0, last)) };
}

scenario('the 33-bit wrap of a transport stream passes unseen', async (stage) => {
  const { picture, sound } = await publishPieces(stage, [await transportStream(stage, wrap_s - 6, 14)], 14);
  assert.ok(picture.moving >= picture.all - 20, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
  assert.ok(sound.mean > -40);
});

scenario('timestamps that jump an hour ahead and an hour back are put on the timeline', async (stage) => {
  const pieces = [];
  for (const offset of [4_000, 7_600, 400]) pieces.push(await transportStream(stage, offset, 5));
  const { picture, sound } = await publishPieces(stage, pieces, 5);
  assert.ok(picture.moving >= picture.all * 0.85, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
  assert.ok(sound.mean > -40);
});

scenario('a resolution and frame rate that change in the middle change no rendition', async (stage) => {
  const pieces = [];
  for (const source of [{ size: '640x360', rate: 30 }, { size: '1280x720', rate: 25 }, { size: '480x270', rate: 30 }]) {
    const file = path.join(stage.folder, `${source.size}.ts`);
    await run('ffmpeg', [
      '-nostdin', '-v', 'error', '-y', '-i', await sourceFile({ ...source, seconds: 5 }), '-c', 'copy', '-output_ts_offset',
      String(pieces.length * 5), '-f', 'mpegts', '-muxrate', '2500k', '-muxdelay', '0', '-muxpreload', '0', file,
    ]);
    pieces.push(fs.readFileSync(file));
  }
  const { picture } = await publishPieces(stage, pieces, 5);
  assert.deepEqual([picture.width, picture.height], [640, 360]);
  assert.ok(picture.moving >= picture.all * 0.7, `${picture.all - picture.moving} of ${picture.all} frames stand still`);
});
