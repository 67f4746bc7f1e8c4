// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { countFrames, frameTimes } from './lib/frames.js';
import { readInit, readMedia } from './lib/llhls/media.js';
import { probe } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

/** Names and sizes of the boxes at the top of a file. */
function topBoxes(bytes) {
  const boxes = [];
  for (let at = 0; at < bytes.length;) {
    let size = bytes.readUInt32BE(at);
    if (size === 1) size = Number(bytes.readBigUInt64BE(at + 8));
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), size });
    at += size;
  }
  return boxes;
}

const title = 'Das Schloß 🏰 „at dusk“';

scenario('the MP4 of a session holds every frame and sample that was archived, in time, and begins with its tables', async (stage) => {
  const { node, session, tracks } = await stage.live({ body: { title, visibility: 'public' } });
  await session.segments(tracks[0], 4);
  await stage.end(session);
  const folder = path.join(node.dataDir, 'archive/recordings', session.id);
  await waitFor('the recording', () => fs.existsSync(path.join(folder, 'recording.json')));

  const file = path.join(folder, 'recording.mp4');
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'recording.json'), 'utf8'));
  const bytes = fs.readFileSync(file);
  const types = topBoxes(bytes).map(({ type }) => type);
  assert.deepEqual(types.filter((type) => type !== 'free'), ['ftyp', 'moov', 'mdat']);
  assert.equal(manifest.mp4.bytes, bytes.length);

  const [best] = manifest.publication.tracks.filter(({ kind }) => kind === 'video').sort((a, b) => b.height - a.height);
  const archived = (name) => {
    const init = readInit(fs.readFileSync(path.join(folder, name, 'init.mp4')));
    const { segments } = manifest.tracks.find((track) => track.name === name);
    return segments.reduce((sum, [number]) => sum + readMedia(fs.readFileSync(path.join(folder, name, `${number}.m4s`)), init).samples, 0);
  };
  const decoded = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-']);
  assert.equal(decoded.stderr, '');
  const frames = await countFrames(file);
  assert.equal(frames.all, archived(best.name));
  assert.equal(frames.height, best.height);
  const sound = await frameTimes(file, 'a'), picture = await frameTimes(file, 'v');
  assert.equal(sound.length, archived('audio'));
  assert.ok(Math.abs(sound[0] - picture[0]) < 1 / 30, `picture begins at ${picture[0]}, sound at ${sound[0]}`);
  const { format } = await probe(file, ['-show_entries', 'format=duration:format_tags=creation_time,title']);
  assert.ok(Math.abs(Number(format.duration) - manifest.durationUs / 1e6) < 0.05, `${format.duration} of ${manifest.durationUs} µs`);
  assert.equal(format.tags.title, title);
  assert.ok(Math.abs(Date.parse(format.tags.creation_time) - manifest.startedAt / 1000) < 1000);
});
