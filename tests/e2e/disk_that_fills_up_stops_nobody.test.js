import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { checkObjects, countMp4, countSegments, recordingIn } from './lib/archived.js';
import { run } from './lib/child.js';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { clusterSecret, makePlaybackToken } from './lib/playback_token.js';
import { parsePlaylist } from './lib/playlist.js';
import { binary } from './lib/porthole.js';
import { scenario } from './lib/stage.js';
import { StallingDisk } from './lib/stalling_disk.js';
import { waitFor } from './lib/wait.js';

/** A data folder on a disk of its own; needs the right to mount, and says so when it is missing. */
async function smallDisk(stage, mebibytes) {
  const folder = stage.dataDir('small-disk');
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', folder]);
  stage.after(() => run('umount', ['--lazy', folder]));
  return folder;
}

/** Takes all room that is left. */
function fill(ballast) {
  const file = fs.openSync(ballast, 'a');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  } finally {
    fs.closeSync(file);
  }
}

scenario('a disk that fills up is reported, viewers go on seeing what is live, and with room again nothing is missing', async (stage) => {
  const dataDir = await smallDisk(stage, 24);
  const node = await stage.node({ dataDir });
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  const watches = ['v360', 'audio'].map((track) => stage.watch(session, track));
  await session.segments('v360', 2);
  const ballast = path.join(dataDir, 'ballast');
  const fullAt = Date.now();
  fill(ballast);
  await node.logged('of it', ({ level, msg }) => level === 'error' && msg.startsWith('the spool cannot write'), { within: 60_000 });
  fill(ballast); // what the failed writes left
  await session.segments('v360', 3);
  for (const watch of watches) assert.ok(watch.longestGap(fullAt) <= 2_000, `${watch.url}: stood still for ${watch.longestGap(fullAt)} ms`);
  assert.match((await request(`${node.url}/health`)).text, /the spool cannot write/);

  fs.rmSync(ballast);
  await waitFor('the spool to write again', () => node.line(({ msg }) => msg === 'the spool writes again'), { within: 60_000 });
  await session.segments('v360', 1);
  await stage.end(session);
  const recording = await recordingIn(dataDir, session.id);
  checkObjects(recording);
  const { tracks } = recording.manifest;
  for (const { name, segments } of tracks) assert.equal(segments[0][0], 0, `${name} has all from the first segment on`);
  assert.equal((await countMp4(recording)).video, await countSegments(recording, tracks[0].name));
  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), []);
    assert.equal(watch.discontinuities, 0);
  }
}, { within: 90_000 });

/** For each track, the first segment that the origin does not say to be on disk. */
async function durableOf(origin, session) {
  const token = createHmac('sha256', clusterSecret(origin)).update(`publish:${session.id}`).digest('base64url');
  const { json } = await fetchWhole(`${origin.url}/publish/${session.id}`, { headers: { authorization: `Bearer ${token}` } });
  return Object.fromEntries(json.tracks.map(({ name, durable }) => [name, durable]));
}

scenario('a disk whose every sync takes seconds holds no part back, and what was in memory alone outlives the origin', async (stage) => {
  const disk = await StallingDisk.make(stage, stage.dataDir());
  const { origin, api, ingest } = await stage.cluster(disk.env);
  const session = await stage.session(api, { origin });
  await stage.publish(session, ingest.srtPort);
  await session.multivariant();
  const watches = ['v360', 'v240', 'audio'].map((track) => stage.watch(session, track));
  await session.segments('v360', 1);
  await waitFor('segments to be on disk', async () => (await durableOf(origin, session)).audio > 0);

  const slowAt = Date.now();
  disk.stall(1_000);
  await session.segments('v360', 2);
  disk.stall(60_000);
  await origin.logged('of it', ({ level, msg }) => level === 'error' && msg.startsWith('the disk stands still'), { within: 60_000 });
  assert.match((await request(`${origin.url}/health`)).text, /the disk stands still/);
  const before = await durableOf(origin, session);
  await session.segments('v360', 1);
  for (const watch of watches) assert.ok(watch.longestGap(slowAt) <= 600, `${watch.url}: stood still for ${watch.longestGap(slowAt)} ms`);
  assert.deepEqual(await durableOf(origin, session), before, 'nothing is said to be on disk that is not');
  assert.ok((await session.playlist('v360')).segments.at(-1).msn > before.v360 + 1, 'what viewers have is ahead of the disk');

  await origin.kill();
  disk.stall(0);
  await origin.restart();
  await session.segments('v360', 1);
  await stage.end(session);
  const recording = await recordingIn(stage.dataDir(), session.id);
  checkObjects(recording);
  for (const { name, segments } of recording.manifest.tracks) assert.equal(segments[0][0], 0, `${name} has all from the first segment on`);
  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), []);
    assert.equal(watch.discontinuities, 0);
  }
}, { within: 90_000 });

scenario('what a disk took too late for memory is a gap in the recording, which plays, and is told of', async (stage) => {
  const dataDir = await smallDisk(stage, 24);
  const node = await stage.node({ dataDir, env: { PORTHOLE_SEGMENT_MS: '500', PORTHOLE_SPOOL_MEMORY_MIB: '0' } });
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 4);
  const ballast = path.join(dataDir, 'ballast');
  const fullAt = Date.now();
  fill(ballast);
  await node.logged('of it', ({ msg }) => msg.startsWith('the spool cannot write'), { within: 60_000 });
  fill(ballast); // what the failed writes left
  const lost = () => node.lines.filter(({ level, msg }) => level === 'error' && msg.startsWith('the disk took nothing for longer'));
  await waitFor('the loss to be told', () => lost().length, { within: 30_000 });
  assert.match((await request(`${node.url}/health`)).text, /recordings are losing segments/);
  await session.segments('v360', 4);
  assert.equal(lost().length, 1, 'once');
  assert.ok(watch.longestGap(fullAt) <= 2_000, `viewers stood still for ${watch.longestGap(fullAt)} ms`);
  fs.rmSync(ballast);
  const told = await waitFor('the extent of it', () => node.line(({ level, msg }) => level === 'error' && msg.startsWith('a session has gaps')), { within: 60_000 });
  assert.equal(told.session, session.id);
  assert.doesNotMatch((await request(`${node.url}/health`)).text, /losing/);
  await session.segments('v360', 4);
  const whole = parsePlaylist((await fetchWhole(`${session.live}/v360/index.m3u8?dvr=1`)).text).segments;
  assert.ok(whole.some(({ gap }) => gap), 'who goes back while it is live is told too');
  for (const { uri } of whole.filter(({ gap }) => !gap)) await fetchWhole(`${session.live}/v360/${uri}`);
  await stage.end(session);

  const recording = await recordingIn(dataDir, session.id);
  const gaps = recording.manifest.tracks.flatMap(({ segments }) => segments.filter(([, , , , flags]) => flags & 1));
  assert.equal(gaps.length, told.segments);
  await countMp4(recording);
  const token = makePlaybackToken(clusterSecret(node), { session: session.id });
  const { text } = await fetchWhole(`${node.url}/vod/${session.id}/v360/index.m3u8?token=${token}`);
  const { segments } = parsePlaylist(text);
  assert.ok(segments.some(({ gap }) => gap) && segments.every(({ msn }, index) => msn === segments[0].msn + index));
  for (const segment of segments.filter(({ gap }) => !gap)) await fetchWhole(`${node.url}/vod/${session.id}/v360/${segment.uri.split('?')[0]}?token=${token}`);
  const { stdout } = await run(binary, ['archive', 'verify', '--session', session.id], { env: node.env, cwd: dataDir });
  const lines = stdout.toString().trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.at(-1).gaps, gaps.length, 'verify counts them');
  assert.ok(lines.some(({ recording, difference }) => recording === session.id && /gap/.test(difference)), 'and names them');
  assert.equal(lines.at(-1).differences, 0, 'though nothing that was archived is missing');
}, { within: 120_000 });

scenario('a session that ends while the disk is full ends for its viewers at once, and its recording follows', async (stage) => {
  const dataDir = await smallDisk(stage, 24);
  const node = await stage.node({ dataDir, env: { PORTHOLE_RECONNECT_WINDOW_S: '5' } });
  const session = await stage.session(node);
  const publisher = await stage.publish(session, node.srtPort);
  await session.multivariant();
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 2);
  const ballast = path.join(dataDir, 'ballast');
  fill(ballast);
  await node.logged('of it', ({ msg }) => msg.startsWith('the spool cannot write'), { within: 60_000 });
  fill(ballast);
  await publisher.stop('SIGTERM', 2_000);
  await waitFor('the end of the playlist', () => watch.ended, { within: 20_000 });
  assert.equal(node.line(({ msg }) => msg.startsWith('a worker died')), undefined);
  fs.rmSync(ballast);
  const recording = await recordingIn(dataDir, session.id);
  checkObjects(recording);
  assert.equal(recording.manifest.tracks[0].segments.at(-1)[0], watch.last.msn, 'with all that was seen');
}, { within: 90_000 });

scenario('the spool keeps within its bound, and drops nothing that is listed', async (stage) => {
  const dataDir = stage.dataDir();
  const secret = 'one-secret-for-the-fake-publisher-and-the-origin';
  const session = 's'.repeat(22);
  const node = await stage.node({ dataDir, roles: 'origin', env: { PORTHOLE_SPOOL_MOST_MIB: '64', PORTHOLE_CLUSTER_SECRET: secret } });
  const videos = [{ name: 'v1080', width: 1920, height: 1080, kbits: 12_000 }];
  const publisher = new FakePublisher({ origin: node.url, session, secret, videos });
  stage.after(() => publisher.close());
  await publisher.announce();
  let sent = 0;
  for (let number = 0; sent < 200 << 20; number++) {
    for (const track of publisher.tracks) {
      sent += publisher.makePart(track, number).body.length;
      assert.ok([200, 201, 202].includes(await publisher.send(track, number)), `part ${number} is taken`);
    }
  }
  const used = Number((await run('du', ['-sk', path.join(dataDir, 'spool')])).stdout.toString().split('\t')[0]);
  assert.ok(used < 72 * 1024, `the spool holds ${used} KiB`);
  const live = `${node.url}/live/${session}/v1080`;
  for (const segment of parsePlaylist((await fetchWhole(`${live}/index.m3u8`)).text).segments) await fetchWhole(`${live}/${segment.uri}`);
}, { within: 90_000 });
