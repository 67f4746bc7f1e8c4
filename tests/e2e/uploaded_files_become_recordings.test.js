// Runs beside others from the start: it takes a minute, and little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { clockArguments, clockFile, frameNumbers } from './lib/clock_picture.js';
import { frameTimes, loudness } from './lib/frames.js';
import { request } from './lib/http.js';
import { mediaFile, probe } from './lib/media.js';
import { sql } from './lib/outbox.js';
import { insertRecording, recordingId } from './lib/recordings.js';
import { scenario } from './lib/stage.js';
import { lying, quartersFile, quartersOf, writeTurned } from './lib/turned_film.js';
import { waitFor } from './lib/wait.js';

const owner = 'streamer-1';
const piece = 256 * 1024;
const archive = (node, ...names) => path.join(node.dataDir, 'archive', ...names);

/** Puts a file where an upload leaves it, and its row; the recording's id. */
async function upload(stage, node, file) {
  const id = recordingId();
  fs.mkdirSync(archive(node, 'uploads', id), { recursive: true });
  fs.copyFileSync(file, archive(node, 'uploads', id, 'source'));
  await insertRecording(stage, { id, owner, kind: 'upload', state: 'processing', durationMs: 0 });
  await sql(stage, `UPDATE recordings SET turn_ms = created_ms, session = NULL WHERE id = '${id}'`);
  return id;
}

/** The same as a client does it: in pieces, by the tus protocol. */
async function uploadInPieces(stage, node, file) {
  const headers = { 'tus-resumable': '1.0.0', authorization: `Bearer ${await stage.token(node, { sub: owner })}` };
  const bytes = fs.readFileSync(file);
  const metadata = `filename ${Buffer.from('film.mp4').toString('base64')}`;
  const endpoint = `${node.url}/api/recordings/upload`;
  const made = await request(endpoint, {
    method: 'POST', headers: { ...headers, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
  });
  assert.equal(made.status, 201, made.text);
  const url = new URL(made.headers.location, endpoint).href;
  for (let at = 0; at < bytes.length; at += piece) {
    const answer = await request(url, {
      method: 'PATCH',
      headers: { ...headers, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(at) },
      body: bytes.subarray(at, at + piece),
    });
    assert.equal(answer.status, 204, answer.text);
  }
  return url.split('/').at(-1);
}

/** The recording, once it is ready or failed. */
async function settled(stage, node, id) {
  const token = await stage.token(node, { sub: owner });
  return waitFor(`recording ${id} to be ready or to fail`, async () => {
    const { json } = await request(`${node.url}/api/recordings/${id}`, { headers: { authorization: `Bearer ${token}` } });
    return ['ready', 'failed'].includes(json.state) && json;
  }, { within: 240_000 });
}

const seconds = 12;
const vp8 = { video: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '800k', '-g', '60'], sound: ['-c:a', 'libopus', '-b:a', '64k'] };
const reordered = { video: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-pix_fmt', 'yuv420p', '-b:v', '800k', '-g', '90'] };

const films = [
  { name: 'an MP4 whose pictures refer ahead', make: () => clockFile({ seconds, ...reordered }, 'mp4') },
  { name: 'a WebM', make: () => clockFile({ seconds, ...vp8 }, 'webm') },
  { name: 'a Matroska file without sound', make: () => clockFile({ seconds, audio: false }, 'mkv'), isSilent: true },
  { name: 'a fragmented MP4', make: () => mediaFile('mp4', [...clockArguments({ seconds }), '-movflags', 'frag_keyframe+empty_moov+delay_moov+default_base_moof']) },
];

scenario('an uploaded MP4, WebM or Matroska file becomes a recording, picture by picture', async (stage) => {
  const node = await stage.node();
  const uploads = [];
  const [first, ...others] = films;
  uploads.push({ ...first, id: await uploadInPieces(stage, node, await first.make()) });
  for (const film of others) uploads.push({ ...film, id: await upload(stage, node, await film.make()) });
  for (const { name, id, isSilent } of uploads) {
    const recording = await settled(stage, node, id);
    assert.equal(recording.state, 'ready', `${name}: ${recording.reason}`);
    const file = archive(node, 'recordings', id, 'recording.mp4');
    const numbers = await frameNumbers(file);
    assert.deepEqual(numbers, Array.from({ length: seconds * 30 }, (_, i) => i), `${name}: every picture once, in order`);
    const { format } = await probe(file, ['-show_entries', 'format=duration:format_tags=creation_time,title']);
    assert.equal(format.tags.title, recording.title, `${name}: its title`);
    assert.ok(Math.abs(Date.parse(format.tags.creation_time) - recording.createdAt) <= 1000, `${name}: ${format.tags.creation_time}`);
    assert.ok(Math.abs(Number(format.duration) - seconds) < 0.1, `${name} lasts ${format.duration} s`);
    const sound = await frameTimes(file, 'a');
    assert.ok(Math.abs(sound.at(-1) - seconds) < 0.1, `${name}: the sound ends at ${sound.at(-1)} s`);
    const { mean } = await loudness(file);
    assert.ok(isSilent ? mean < -85 : mean > -45, `${name}: ${mean} dB`);
    const sheet = archive(node, 'recordings', id, 'storyboard-0.jpg');
    const tiles = await Promise.all([0, 1].map((i) => frameNumbers(sheet, { crop: `160:90:${160 * i}:0` })));
    assert.deepEqual(tiles.flat(), [0, 300], `${name}: the storyboard shows what is there every ten seconds`);
  }
}, { within: 150_000 });

const cut = async (file, share) => {
  const target = `${file}.cut-${share}`;
  fs.writeFileSync(target, fs.readFileSync(file).subarray(0, Math.floor(fs.statSync(file).size * share)));
  return target;
};

const hostile = [
  { reason: /damaged/, make: async () => cut(await clockFile({ seconds }, 'mp4'), 0.6) },
  { reason: /damaged/, make: async () => cut(await mediaFile('mp4', [...clockArguments({ seconds }), '-movflags', 'faststart']), 0.5) },
  { reason: /damaged/, make: async () => cut(await clockFile({ seconds }, 'mkv'), 0.5) },
  { reason: /no picture/, make: () => mediaFile('m4a', ['-f', 'lavfi', '-i', 'sine=frequency=440', '-t', '5', '-c:a', 'aac', '-f', 'mp4']) },
  { reason: /larger than/, make: () => mediaFile('mp4', ['-f', 'lavfi', '-i', 'color=size=8192x8192:rate=1', '-t', '2', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']) },
  { reason: /neither MP4/, make: () => mediaFile('ts', [...clockArguments({ seconds: 2 }), '-f', 'mpegts']) },
  {
    reason: /neither MP4/,
    make: (stage) => {
      const file = path.join(stage.folder, 'film.mp4');
      fs.writeFileSync(file, 'This is no film, whatever its name says.\n'.repeat(1000));
      return file;
    },
  },
  {
    reason: /damaged|no picture/, // boxes of a film, and nothing in them that is true
    make: async (stage) => {
      const file = path.join(stage.folder, 'noise.mp4');
      const bytes = Buffer.from(fs.readFileSync(await clockFile({ seconds }, 'mp4')));
      const moov = bytes.lastIndexOf('moov');
      for (let i = moov + 120; i < bytes.length; i += 7) bytes[i] ^= (i * 31) & 0xff;
      fs.writeFileSync(file, bytes);
      return file;
    },
  },
];

scenario('files that lie or are broken are refused with the reason, and the node stays well', async (stage) => {
  const node = await stage.node();
  const uploads = [];
  for (const one of hostile) uploads.push({ ...one, id: await upload(stage, node, await one.make(stage)) });
  for (const { id, reason } of uploads) {
    const recording = await settled(stage, node, id);
    assert.equal(recording.state, 'failed', `${reason}: ${JSON.stringify(recording)}`);
    assert.match(recording.reason, reason);
    await waitFor('what was refused to go', () => !fs.existsSync(archive(node, 'uploads', id, 'source')));
  }
  assert.equal((await request(`${node.url}/health`)).status, 200);
  const good = await settled(stage, node, await upload(stage, node, await clockFile({ seconds }, 'mp4')));
  assert.equal(good.state, 'ready', good.reason);
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', archive(node, 'recordings', good.id, 'recording.mp4'), '-f', 'null', '-']);
}, { within: 150_000 });

const one = 1 << 16;
const least = -(2 ** 31);
const matrix = (...[a, b, c, d]) => [a, b, 0, c, d, 0, 0, 0, 1 << 30];

// How a phone was held; none of them is in the picture's own bytes.
const turned = [
  { name: 'a quarter clockwise', matrix: matrix(0, one, -one, 0), shows: 'blue red / white lime', size: '360x640' },
  { name: 'half a turn', matrix: matrix(-one, 0, 0, -one), shows: 'white blue / lime red', size: '640x360' },
  { name: 'a quarter against the clock', matrix: matrix(0, -one, one, 0), shows: 'lime white / red blue', size: '360x640' },
  { name: 'a mirror', matrix: matrix(-one, 0, 0, one), shows: 'lime red / white blue', size: '640x360' },
  { name: 'hardly a turn', matrix: matrix(64000, 9000, -9000, 64000), shows: lying, size: '640x360' },
  { name: 'a matrix of zeros', matrix: Array(9).fill(0), shows: lying, size: '640x360' },
  { name: 'a matrix of the least numbers', matrix: Array(9).fill(least) },
  { name: 'pixels twice as wide as high', film: { size: '320x360', aspect: '16:9' }, shows: lying, size: '640x360' },
  {
    name: 'such pixels, and a quarter clockwise', film: { size: '320x360', aspect: '16:9' },
    matrix: matrix(0, one, -one, 0), shows: 'blue red / white lime', size: '360x640',
  },
];

/** A rendition of a recording, as one file. */
function rendition(stage, node, id, track) {
  const file = path.join(stage.folder, `${id}.${track}.mp4`);
  const folder = archive(node, 'recordings', id, track);
  const segments = fs.readdirSync(folder).filter((name) => name.endsWith('.m4s')).sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
  fs.writeFileSync(file, Buffer.concat(['init.mp4', ...segments].map((name) => fs.readFileSync(path.join(folder, name)))));
  return file;
}

scenario('what a turned phone filmed stands upright in every rendition and picture of it', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_LADDER: '360p30@600k,180p30@300k' } });
  const uploads = [];
  for (const one of turned) {
    const film = await quartersFile(one.film);
    const file = one.matrix ? writeTurned(film, path.join(stage.folder, 'turned.mp4'), one.matrix) : film;
    uploads.push({ ...one, id: await upload(stage, node, file) });
  }
  for (const { name, id, shows, size } of uploads) {
    const recording = await settled(stage, node, id);
    assert.equal(recording.state, 'ready', `${name}: ${recording.reason}`);
    const file = archive(node, 'recordings', id, 'recording.mp4');
    const { streams } = await probe(file, ['-select_streams', 'v', '-show_entries', 'stream=width,height,sample_aspect_ratio']);
    if (!shows) continue;
    assert.equal(`${streams[0].width}x${streams[0].height}`, size, name);
    assert.ok([undefined, '1:1'].includes(streams[0].sample_aspect_ratio), name);
    assert.equal(await quartersOf(file), shows, `${name}: the MP4`);
    assert.equal(await quartersOf(rendition(stage, node, id, 'v180')), shows, `${name}: a lower rendition`);
    assert.equal(await quartersOf(archive(node, 'recordings', id, 'poster.jpg')), shows, `${name}: the poster`);
    const [width, height] = size.split('x').map(Number);
    const tile = `160:${Math.round((160 * height) / width / 2) * 2}:0:0`;
    assert.equal(await quartersOf(archive(node, 'recordings', id, 'storyboard-0.jpg'), { crop: tile }), shows, `${name}: the storyboard`);
  }
}, { within: 150_000 });
