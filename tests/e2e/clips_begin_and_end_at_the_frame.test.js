// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { clockFile, frameNumbers, picturesOf } from './lib/clock_picture.js';
import { request } from './lib/http.js';
import { probe } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const rate = 30;

const ask = async (node, session, method, address, body) =>
  request(`${node.url}${address}`, {
    method,
    headers: { authorization: `Bearer ${session.token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });

async function ready(node, session, id) {
  return waitFor(`recording ${id} to be ready`, async () => {
    const { json } = await ask(node, session, 'GET', `/api/recordings/${id}`);
    assert.notEqual(json.state, 'failed', json.reason);
    return json.state === 'ready' && json;
  }, { within: 180_000 });
}

/** The pictures of a recording's rendition, as the store has it. */
async function renditionOf(stage, node, id, track) {
  const folder = path.join(node.dataDir, 'archive/recordings', id, track);
  const segments = fs.readdirSync(folder).filter((name) => name.endsWith('.m4s')).sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
  const file = path.join(stage.folder, `${id}-${track}.mp4`);
  fs.writeFileSync(file, Buffer.concat(['init.mp4', ...segments].map((name) => fs.readFileSync(path.join(folder, name)))));
  return picturesOf(file, rate);
}

/** What is to be seen between two frames. A worker that is late leaves pictures out: the one before stands for what follows it. */
function between(pictures, first, last) {
  const found = pictures.filter(({ frame }) => frame >= first && frame < last);
  const before = pictures.findLast(({ frame }) => frame < first);
  return found[0]?.frame === first ? found : [{ ...before, frame: first }, ...found];
}

/** A clip that is ready. */
async function makeClip(node, session, times) {
  const made = await ask(node, session, 'POST', `/api/recordings/${session.id}/clips`, { ...times, title: 'The best of it' });
  assert.equal(made.status, 201, made.text);
  return ready(node, session, made.json.id);
}

/** A clip shows its own pictures, not its source's. */
async function checkPictures(node, session, clip) {
  const archived = (id, name) => fs.readFileSync(path.join(node.dataDir, 'archive/recordings', id, name));
  assert.notDeepEqual(archived(clip.id, 'poster.jpg'), archived(session.id, 'poster.jpg'));
  const [poster, cues] = await Promise.all([clip.posterUrl, clip.storyboardUrl].map((address) => request(`${node.url}${address}`)));
  assert.deepEqual([poster.status, cues.status], [200, 200]);
  const [, sheet] = /00:00:00\.000 --> .*\n(storyboard-0\.jpg)#xywh=0,0,160,90/.exec(cues.text);
  const tiles = await request(new URL(sheet + new URL(clip.storyboardUrl, node.url).search, new URL(clip.storyboardUrl, node.url)).href);
  assert.deepEqual([tiles.status, tiles.headers['content-type']], [200, 'image/jpeg']);
  assert.deepEqual(tiles.body, archived(clip.id, sheet));
  assert.equal(fs.existsSync(path.join(node.dataDir, 'archive/uploads', clip.id)), false, 'its takes are cleared away');
}

async function checkClip(stage, node, session, source, clip, { fromMs, toMs }) {
  const [first, last] = [fromMs, toMs].map((ms) => source.v360[0].frame + Math.round((ms / 1000) * rate));
  const mp4 = path.join(node.dataDir, 'archive/recordings', clip.id, 'recording.mp4');
  for (const [track, pictures] of Object.entries(source)) {
    assert.deepEqual(await renditionOf(stage, node, clip.id, track), between(pictures, first, last), `${track} from ${fromMs} to ${toMs} ms`);
  }
  assert.deepEqual(await frameNumbers(mp4), between(source.v360, first, last).map(({ number }) => number), 'the MP4 has the same pictures');
  const { streams } = await probe(mp4, ['-show_entries', 'stream=codec_type,duration']);
  const seconds = (toMs - fromMs) / 1000;
  for (const stream of streams) {
    assert.ok(Math.abs(Number(stream.duration) - seconds) < 0.08, `${stream.codec_type} lasts ${stream.duration} s instead of ${seconds}`);
  }
  assert.ok(Math.abs(clip.durationMs - (toMs - fromMs)) < 80, `${clip.durationMs} ms`);
}

scenario('a clip has the frames between its times and no other, in every rendition and in its MP4', async (stage) => {
  const { node, session } = await stage.live({ file: await clockFile({ seconds: 60 }) });
  await session.segments('v360', 4);
  const early = { fromMs: 1100, toMs: 3700 };
  const whileLive = await makeClip(node, session, early);
  /* Of what is not archived yet, and a clip of that clip before it is there. */
  const { json: growing } = await ask(node, session, 'GET', `/api/recordings/${session.id}`);
  const toMs = Date.now() - growing.createdAt - 100;
  const late = await ask(node, session, 'POST', `/api/recordings/${session.id}/clips`, { fromMs: toMs - 1500, toMs });
  assert.equal(late.status, 201, late.text);
  const ofLate = await ask(node, session, 'POST', `/api/recordings/${late.json.id}/clips`, { fromMs: 100, toMs: 1200 });
  assert.equal(ofLate.status, 201, ofLate.text);
  await ready(node, session, ofLate.json.id);
  await stage.end(session);
  await ready(node, session, session.id);
  const source = {};
  for (const track of ['v360', 'v240']) source[track] = await renditionOf(stage, node, session.id, track);

  const clipOfClip = await renditionOf(stage, node, ofLate.json.id, 'v360');
  const [{ frame: begins }] = clipOfClip;
  assert.deepEqual(clipOfClip, between(source.v360, begins, begins + Math.round(1.1 * rate)));
  await checkClip(stage, node, session, source, whileLive, early);
  await checkPictures(node, session, whileLive);
  for (const times of [{ fromMs: 1300, toMs: 6700 }, { fromMs: 2000, toMs: 4000 }, { fromMs: 2500, toMs: 3600 }]) {
    await checkClip(stage, node, session, source, await makeClip(node, session, times), times);
  }
}, { within: 120_000 });
