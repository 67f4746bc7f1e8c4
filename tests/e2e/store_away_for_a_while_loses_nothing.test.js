// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { sha256 } from './lib/archived.js';
import { run } from './lib/child.js';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { binary } from './lib/porthole.js';
import { insertRecording } from './lib/recordings.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 'one-secret-for-the-fake-publisher-and-the-origin';

/** Publishes parts as fast as they are taken. */
async function publishParts(publisher, from, to) {
  for (let number = from; number < to; number++) {
    for (const track of publisher.tracks) assert.ok((await publisher.send(track, number)) < 300, `part ${number} of ${track.name} is taken`);
  }
}

const verify = async (node, ...args) => {
  try {
    return { code: 0, lines: (await run(binary, ['archive', 'verify', ...args], { env: node.env, cwd: node.dataDir })).stdout.toString() };
  } catch (error) {
    return { code: 1, lines: `${error.message}` };
  }
};

scenario('S3 goes away in the middle of a session and comes back: everything waits, and the recording is whole', async (stage) => {
  const s3 = await stage.s3();
  const node = await stage.node({ roles: 'origin,api', env: { PORTHOLE_CLUSTER_SECRET: secret } });
  const session = await stage.session(node);
  await insertRecording(stage, { id: session.id, owner: 'streamer-1', state: 'recording' });
  const publisher = new FakePublisher({ origin: node.url, session: session.id, secret, partMs: 200, segmentMs: 1000 });
  stage.after(() => publisher.close());
  await publisher.announce();
  await publishParts(publisher, 0, 50);
  await waitFor('the first segments to be in the bucket', async () => (await node.metric('porthole_archive_uploads_total')) >= 30);

  await s3.stop();
  await publishParts(publisher, 50, 150);
  await waitFor('what waits to be told', async () => (await node.metric('porthole_archive_pending_segments')) >= 60);
  assert.equal((await fetchWhole(`${session.live}/v360/index.m3u8`)).status, 200, 'viewers notice nothing');
  await waitFor('the failure to be told', async () => (await node.metric('porthole_archive_failures_total')) > 0, { within: 120_000 });
  await node.kill();
  await node.restart();
  await publisher.end();
  assert.equal((await request(`${node.url}/api/recordings/${session.id}`, { headers: { authorization: `Bearer ${session.token}` } })).json?.state === 'ready', false);

  await s3.serve();
  await waitFor('the recording', async () => (await s3.list(`recordings/${session.id}`)).has(`recordings/${session.id}/recording.json`), { within: 120_000, every: 500 });
  const objects = await s3.list(`recordings/${session.id}`);
  for (const track of publisher.tracks) {
    for (let segment = 0; segment < 30; segment++) {
      const parts = Array.from({ length: 5 }, (_, part) => publisher.makePart(track, 5 * segment + part).body);
      assert.equal(objects.get(`recordings/${session.id}/${track.name}/${segment}.m4s`), Buffer.concat(parts).length, `${track.name}/${segment}`);
    }
  }
  assert.equal([...objects.keys()].filter((key) => key.endsWith('.m4s')).length, 90);
  assert.equal(await node.metric('porthole_archive_lost_segments_total'), 0);
  const clean = await verify(node, '--session', session.id);
  assert.equal(clean.code, 0, clean.lines);
  assert.match(clean.lines, /"differences":0/);
}, { within: 150_000 });

scenario('verify finds what was damaged, and mends it', async (stage) => {
  const node = await stage.node({ roles: 'origin,api', env: { PORTHOLE_CLUSTER_SECRET: secret } });
  const session = await stage.session(node);
  await insertRecording(stage, { id: session.id, owner: 'streamer-1', state: 'recording' });
  const publisher = new FakePublisher({ origin: node.url, session: session.id, secret, partMs: 200, segmentMs: 1000 });
  stage.after(() => publisher.close());
  await publisher.announce();
  await publishParts(publisher, 0, 50);
  await publisher.end();
  const folder = path.join(stage.dataDir(), 'archive', 'recordings', session.id);
  await waitFor('the recording', async () => fs.existsSync(path.join(folder, 'recording.json')));
  const mp4 = sha256(fs.readFileSync(path.join(folder, 'recording.mp4')));
  assert.equal((await verify(node)).code, 0);

  const segment = fs.readFileSync(path.join(folder, 'v360', '3.m4s'));
  for (const name of ['v360/3.m4s', 'recording.mp4', 'recording.json']) fs.rmSync(path.join(folder, name));
  assert.equal((await verify(node)).code, 1);
  const mended = await verify(node, '--repair');
  assert.equal(mended.code, 0, mended.lines);
  assert.match(mended.lines, /"object":"v360\/3.m4s","difference":"is missing","repaired":true/);
  assert.ok(fs.readFileSync(path.join(folder, 'v360', '3.m4s')).equals(segment));
  assert.equal(sha256(fs.readFileSync(path.join(folder, 'recording.mp4'))), mp4, 'the MP4 is made again, byte for byte');
  const clean = await verify(node);
  assert.equal(clean.code, 0, clean.lines);

  const damaged = fs.readFileSync(path.join(folder, 'recording.mp4'));
  damaged[damaged.length >> 1] ^= 1;
  fs.writeFileSync(path.join(folder, 'recording.mp4'), damaged);
  assert.equal((await verify(node)).code, 0, 'sizes tell nothing');
  assert.equal((await verify(node, '--deep')).code, 1);
  const deep = await verify(node, '--deep', '--repair');
  assert.equal(deep.code, 0, deep.lines);
  assert.match(deep.lines, /"object":"recording.mp4","difference":"has other bytes","repaired":true/);
  assert.equal(sha256(fs.readFileSync(path.join(folder, 'recording.mp4'))), mp4);
}, { within: 60_000 });

scenario('a spool that is full while the store is away loses the oldest to the archive, says so, and viewers lose nothing', async (stage) => {
  const dataDir = stage.dataDir();
  const env = {
    PORTHOLE_CLUSTER_SECRET: secret, PORTHOLE_SPOOL_MOST_MIB: '64', AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing',
    PORTHOLE_ARCHIVE_URL: 's3://porthole?endpoint=http://127.0.0.1:9&region=us-east-1',
  };
  const node = await stage.node({ dataDir, roles: 'origin,api', env });
  const session = await stage.session(node);
  const videos = [{ name: 'v1080', width: 1920, height: 1080, kbits: 12_000 }];
  const publisher = new FakePublisher({ origin: node.url, session: session.id, secret, videos });
  stage.after(() => publisher.close());
  await publisher.announce();
  let number = 0;
  const publishUntil = async (told) => {
    while (!(await told())) {
      await publishParts(publisher, number, number + 10);
      number += 10;
    }
  };
  await publishUntil(async () => (await node.metric('porthole_spool_fill_ratio')) > 0.76);
  await node.logged('so before anything is lost', ({ msg }) => msg.startsWith('the spool is nearly full'));
  const health = (await request(`${node.url}/health`)).text;
  assert.match(health, /the spool is \d+% full/);
  assert.equal(await node.metric('porthole_archive_lost_segments_total'), 0);
  await publishUntil(async () => (await node.metric('porthole_archive_lost_segments_total')) > 0);
  await node.logged('that it is full', ({ level, msg }) => level === 'error' && msg.startsWith('the spool is full'));
  const playlist = await session.playlist('v1080');
  for (const segment of playlist.segments) await fetchWhole(`${session.live}/v1080/${segment.uri}`);
  const used = Number((await run('du', ['-sk', path.join(dataDir, 'spool')])).stdout.toString().split('\t')[0]);
  assert.ok(used < 72 * 1024, `the spool holds ${used} KiB`);
}, { within: 120_000 });
