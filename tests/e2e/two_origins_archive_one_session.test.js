// Runs beside others from the start: it takes a minute, and little of the machine.
//
// Two origins with folders of their own carry the same sessions, and share a bucket: there is one recording of each session, and it is right.
import assert from 'node:assert/strict';
import { checkObjects, countMp4, recordingInBucket, sha256 } from './lib/archived.js';
import { run } from './lib/child.js';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { binary } from './lib/porthole.js';
import { insertRecording } from './lib/recordings.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 'one-secret-for-two-origins-and-all-who-publish-to-them';

/** A database and a bucket, and two origins that share them. */
async function twoOrigins(stage) {
  await stage.postgres();
  const s3 = await stage.s3();
  Object.assign(stage.env, { PORTHOLE_CLUSTER_SECRET: secret, PORTHOLE_SEGMENT_MS: '1000' });
  const one = await stage.node({ roles: 'origin,api', name: 'origin one', dataDir: stage.dataDir('one') });
  const other = await stage.node({ roles: 'origin', name: 'origin other', dataDir: stage.dataDir('other') });
  return { s3, one, other };
}

/** Nothing is missing, nothing is there that nobody lists, and the archive says so itself. */
async function checkRecording(node, id, recording) {
  checkObjects(recording);
  for (const { name, segments } of recording.manifest.tracks) assert.equal(segments[0][0], 0, `${name} has all from the first segment on`);
  await countMp4(recording);
  const { stdout } = await run(binary, ['archive', 'verify', '--deep', '--session', id], { env: node.env, cwd: node.dataDir });
  assert.match(stdout.toString(), /"recordings":1,.*"differences":0/);
}

const stateOf = async (session) =>
  (await request(`${session.api.url}/api/recordings/${session.id}`, { headers: { authorization: `Bearer ${session.token}` } })).json;

scenario('two origins carry a session; of another, one of them is killed and never comes back: both recordings are whole', async (stage) => {
  const { s3, one, other } = await twoOrigins(stage);
  const origins = `${one.url},${other.url}`;
  const dataDir = stage.dataDir('worker');
  await stage.node({ roles: 'worker', dataDir, env: { PORTHOLE_ORIGINS: origins } });
  const ingest = await stage.node({ roles: 'ingest', dataDir, env: { PORTHOLE_ORIGINS: origins, PORTHOLE_WORKERS: `unix:${dataDir}/worker.sock` } });
  const uploads = async (node) => (await node.metric('porthole_archive_uploads_total')) ?? 0;
  /** The bytes of what is listed, as both origins serve them. */
  const watch = async (session, served, nodes) => {
    for (const node of nodes) {
      for (const { uri, msn } of (await session.playlist('v360')).segments) {
        const { body } = await fetchWhole(`${node.url}/live/${session.id}/v360/${uri}`);
        assert.equal(served.get(msn) ?? sha256(body), sha256(body), `segment ${msn} is the same everywhere`);
        served.set(msn, sha256(body));
      }
    }
  };
  for (const isKilled of [false, true]) {
    const session = await stage.session(one);
    const publisher = await stage.publish(session, ingest.srtPort, {});
    await session.multivariant();
    const before = [await uploads(one), await uploads(other)];
    const served = new Map();
    await waitFor('both to have archived some', async () => (await uploads(one)) >= before[0] + 9 && (await uploads(other)) >= before[1] + 9, { within: 120_000 });
    await watch(session, served, [one, other]);
    if (isKilled) await other.kill();
    await waitFor('one to have archived more', async () => (await uploads(one)) >= before[0] + 18, { within: 120_000 });
    await watch(session, served, [one]);
    await stage.end(session);
    await publisher.stop('SIGTERM', 3_000);
    const found = await recordingInBucket(stage, s3, session.id);
    await checkRecording(one, session.id, found);
    const listed = new Map(found.manifest.tracks.find(({ name }) => name === 'v360').segments.map((row) => [row[0], row[6]]));
    for (const [msn, hash] of served) assert.equal(listed.get(msn), hash, `segment ${msn} is archived as it was served`);
    await waitFor('it to be told', async () => (await stateOf(session)).state === 'ready');
    if (!isKilled) await waitFor('the other to be done', async () => (await other.metric('porthole_archive_recordings_total', { outcome: 'ready' })) === 1);
    assert.equal(await one.metric('porthole_archive_lost_segments_total'), 0);
  }
}, { within: 150_000 });

scenario('of two origins one missed the middle of a session and ends it first, then last: nothing that the other has is taken away', async (stage) => {
  const { s3, one, other } = await twoOrigins(stage);
  for (const endsFirst of [true, false]) {
    const session = await stage.session(one);
    await insertRecording(stage, { id: session.id, owner: 'streamer-1', state: 'recording' });
    const publisher = new FakePublisher({ origin: one.url, session: session.id, secret, partMs: 200, segmentMs: 1000 });
    stage.after(() => publisher.close());
    const to = async (node, body) => {
      publisher.origin = node.url;
      return body();
    };
    const publish = async (from, until) => {
      for (let number = from; number < until; number++) {
        for (const track of publisher.tracks) assert.ok((await publisher.send(track, number)) < 300, `part ${number} of ${track.name} is taken`);
      }
    };
    await to(one, () => publisher.announce());
    await to(other, () => publisher.announce());
    await to(one, () => publish(0, 60));
    await to(other, () => publish(0, 20));
    await to(other, async () => {
      for (let segment = 4; segment < 8; segment++) {
        for (const track of publisher.tracks) await publisher.gap(track, segment);
      }
      await publish(40, 50);
    });
    const ready = async (node) => (await node.metric('porthole_archive_recordings_total', { outcome: 'ready' })) ?? 0;
    for (const node of endsFirst ? [other, one] : [one, other]) {
      const before = await ready(node);
      await to(node, () => publisher.end());
      await waitFor(`${node.name} to be done`, async () => (await ready(node)) === before + 1);
    }
    const found = await recordingInBucket(stage, s3, session.id);
    assert.deepEqual(found.manifest.tracks.map(({ segments }) => segments.length), [12, 12, 12]);
    await checkRecording(one, session.id, found);
    assert.equal((await stateOf(session)).durationMs, Math.floor(found.manifest.durationUs / 1000));
  }
}, { within: 90_000 });
