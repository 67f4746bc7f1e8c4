// What an archive, in a folder or in a bucket, holds of a session, against what was published and served.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './child.js';
import { probe } from './media.js';
import { waitFor } from './wait.js';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The folder of a node's archive in which a session's objects lie. */
export const recordingFolder = (dataDir, id) => path.join(dataDir, 'archive', 'recordings', id);

/** A recording in a folder, once it is there: where its objects lie, and its manifest. */
export async function recordingIn(dataDir, id, within = 60_000) {
  const folder = recordingFolder(dataDir, id);
  const file = path.join(folder, 'recording.json');
  const manifest = await waitFor(`the recording of ${id}`, () => fs.existsSync(file) && JSON.parse(fs.readFileSync(file, 'utf8')), { within, every: 10 });
  return { folder, manifest };
}

/** The same of a bucket, copied into a folder of the stage's. */
export async function recordingInBucket(stage, s3, id, within = 90_000) {
  const folder = path.join(stage.folder, `fetched-${id}`);
  await waitFor(`the recording of ${id}`, async () => (await s3.list(`recordings/${id}`)).has(`recordings/${id}/recording.json`), { within, every: 300 });
  await s3.fetch(`recordings/${id}`, folder);
  return { folder, manifest: JSON.parse(fs.readFileSync(path.join(folder, 'recording.json'), 'utf8')) };
}

/** Segments follow each other in number and time, and the objects have the bytes that the manifest says. */
export function checkObjects({ folder, manifest }) {
  for (const track of manifest.tracks) {
    let next;
    for (const [number, start, duration, bytes, flags, , hash] of track.segments) {
      if (next) assert.deepEqual([number, start], next, `${track.name}: a hole or an overlap`);
      next = [number + 1, start + duration];
      assert.equal(flags & 1, 0, `${track.name}/${number} is a gap`);
      const object = fs.readFileSync(path.join(folder, track.name, `${number}.m4s`));
      assert.equal(object.length, bytes);
      assert.equal(sha256(object), hash, `${track.name}/${number}`);
    }
    const stored = fs.readdirSync(path.join(folder, track.name)).filter((name) => name.endsWith('.m4s'));
    const nobodys = stored.filter((name) => !track.segments.some(([number]) => name === `${number}.m4s`));
    assert.deepEqual(nobodys, [], `${track.name}: objects nobody lists`);
  }
}

/** Frames of each kind in the MP4, every one of them decoded without a complaint. */
export async function countMp4({ folder }) {
  const file = path.join(folder, 'recording.mp4');
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-f', 'null', '-']);
  assert.equal(stderr.toString(), '', 'the MP4 decodes');
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_type,nb_frames', '-of', 'json', file]);
  return Object.fromEntries(JSON.parse(stdout.toString()).streams.map(({ codec_type: kind, nb_frames: count }) => [kind, Number(count)]));
}

/** Frames of a track's segments, counted in the objects. */
export async function countSegments({ folder, manifest }, name) {
  const { segments } = manifest.tracks.find((track) => track.name === name);
  const file = path.join(folder, `${name}.mp4`);
  const there = segments.filter(([, , , , flags]) => !(flags & 1)).map(([number]) => `${number}.m4s`);
  fs.writeFileSync(file, Buffer.concat(['init.mp4', ...there].map((object) => fs.readFileSync(path.join(folder, name, object)))));
  const { streams } = await probe(file, ['-count_packets', '-show_entries', 'stream=nb_read_packets']);
  fs.rmSync(file);
  return Number(streams[0].nb_read_packets);
}
