// Runs beside others: it needs little of the machine.
// PH_KILLS: how often the origin is killed (6) on each store, PH_WORKER_KILLS: a worker (2). PH_SEED: repeats a run.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { checkObjects, countMp4, countSegments, recordingIn, recordingInBucket, sha256 } from './lib/archived.js';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { pause, waitFor } from './lib/wait.js';

const kills = Number(process.env.PH_KILLS ?? 6);
const workerKills = Number(process.env.PH_WORKER_KILLS ?? 2);
const seed = Number(process.env.PH_SEED ?? Date.now() % 1_000_000);
/** So many bits that the MP4 is a multipart upload which is under way when its process is killed. */
const rich = { name: 'v360', width: 640, height: 360, kbits: 40_000, grain: true };
const secret = 'one-secret-for-the-fake-publisher-and-the-origin';

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function randomFrom(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Every segment that was sent, as its parts make it. */
function sentSegments(publisher, track, count) {
  const segments = [];
  for (let first = 0; first < count; first += publisher.partsPerSegment) {
    const parts = Math.min(publisher.partsPerSegment, count - first);
    segments.push(Buffer.concat(Array.from({ length: parts }, (_, part) => publisher.makePart(track, first + part).body)));
  }
  return segments;
}

for (const store of ['folder', 'bucket']) scenario(`an origin killed at any instant archives every byte that it acknowledged, once, in a ${store} (seed ${seed})`, async (stage) => {
  const random = randomFrom(seed);
  const dataDir = stage.dataDir();
  const s3 = store === 'bucket' && (await stage.s3());
  const id = `k${seed}`.padEnd(22, 'k');
  const node = await stage.node({ dataDir, roles: 'origin,api', env: { PORTHOLE_CLUSTER_SECRET: secret } });
  const publisher = new FakePublisher({ origin: node.url, session: id, secret, partMs: 100, segmentMs: 500, ...(s3 && { videos: [rich] }) });
  stage.after(() => publisher.close());
  const over = publisher.run();
  for (let kill = 0; kill < kills - 1; kill++) {
    await pause(100 + 1200 * random());
    await node.kill();
    await node.restart();
  }
  await waitFor('the publisher to have caught up', async () => JSON.parse((await publisher.request('GET', '')).text).tracks
    .every(({ next }) => next.segment * publisher.partsPerSegment + next.part > Math.max(0, publisher.put - 3)), { every: 20 });
  publisher.stop();
  await over;
  const served = new Map();
  const taken = new Map();
  for (const { name, next } of JSON.parse((await publisher.request('GET', '')).text).tracks) {
    taken.set(name, next.segment * publisher.partsPerSegment + next.part);
    assert.ok(taken.get(name) > publisher.put - 5, `${name}: ${taken.get(name)} of ${publisher.put} parts were taken`);
    for (let number = Math.max(0, next.segment - 5); number < next.segment; number++) {
      served.set(`${name}/${number}`, (await fetchWhole(`${node.url}/live/${id}/${name}/${number}.m4s`)).body);
    }
  }
  publisher.stopped = false;
  await waitFor('the end to be taken', async () => [200, 410].includes((await publisher.end()).status));
  await pause(150 * random());
  await node.kill();
  await node.restart();

  const recording = await (s3 ? recordingInBucket(stage, s3, id) : recordingIn(dataDir, id));
  checkObjects(recording);
  const { folder, manifest } = recording;
  for (const track of publisher.tracks) {
    const sent = sentSegments(publisher, track, taken.get(track.name));
    const listed = manifest.tracks.find(({ name }) => name === track.name).segments;
    assert.equal(listed.length, sent.length, `${track.name}: segments`);
    listed.forEach(([number, , , , , , hash]) => assert.equal(hash, sha256(sent[number]), `${track.name}/${number}`));
  }
  for (const [name, bytes] of served) {
    assert.ok(fs.readFileSync(path.join(folder, `${name}.m4s`)).equals(bytes), `${name} is what viewers got`);
  }
  const frames = await countMp4(recording);
  assert.equal(frames.video, taken.get('v360') * publisher.framesPerPart);
  assert.equal(frames.audio, publisher.firstAudioOf(taken.get('audio')));
}, { within: 90_000 + 4_000 * kills });

scenario('workers killed under a session leave no trace in its recording', async (stage) => {
  const { node, session } = await stage.live();
  const served = new Map();
  const keep = async () => {
    for (const { msn, uri } of (await session.playlist('v360')).segments) {
      if (!served.has(msn)) served.set(msn, sha256((await fetchWhole(`${session.live}/v360/${uri}`)).body));
    }
  };
  const random = randomFrom(seed);
  for (let kill = 0; kill < workerKills; kill++) {
    await session.segments('v360', 1);
    await pause(2000 * random());
    process.kill(node.workers()[0].pid, 'SIGKILL');
    await session.segments('v360', 2);
    await keep();
  }
  await stage.end(session);
  const recording = await recordingIn(stage.dataDir(), session.id);
  const { manifest } = recording;
  await keep();
  checkObjects(recording);
  const listed = manifest.tracks.find(({ name }) => name === 'v360').segments;
  assert.deepEqual(listed.map(([number, , , , , , hash]) => [number, hash]), [...served].sort(([a], [b]) => a - b));
  assert.equal((await countMp4(recording)).video, await countSegments(recording, 'v360'));
  const asked = () => request(`${node.url}/api/recordings/${session.id}`, { headers: { authorization: `Bearer ${session.token}` } });
  await waitFor('it to be told', async () => (await asked()).json.state === 'ready');
}, { within: 60_000 + 15_000 * workerKills });
