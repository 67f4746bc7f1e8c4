import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { checkObjects, countMp4, manifestOf } from './lib/archived.js';
import { run } from './lib/child.js';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { parsePlaylist } from './lib/playlist.js';
import { scenario } from './lib/stage.js';
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
  await waitFor('the log to tell of it', () => node.line(({ level, msg }) => level === 'error' && msg.startsWith('the spool cannot write')), { within: 15_000 });
  fill(ballast); // what the failed writes left
  await session.segments('v360', 3);
  for (const watch of watches) assert.ok(watch.longestGap(fullAt) <= 2_000, `${watch.url}: stood still for ${watch.longestGap(fullAt)} ms`);
  assert.match((await request(`${node.url}/health`)).text, /the spool cannot write/);

  fs.rmSync(ballast);
  await waitFor('the spool to write again', () => node.line(({ msg }) => msg === 'the spool writes again'), { within: 15_000 });
  await session.segments('v360', 1);
  await stage.end(session);
  const manifest = await manifestOf(dataDir, session.id);
  checkObjects(dataDir, session.id, manifest);
  for (const { name, segments } of manifest.tracks) assert.equal(segments[0][0], 0, `${name} has all from the first segment on`);
  assert.ok((await countMp4(dataDir, session.id)).video >= manifest.tracks[0].segments.length * 60 - 60);
  for (const watch of watches) {
    assert.deepEqual(watch.skipped(), []);
    assert.equal(watch.discontinuities, 0);
  }
}, { within: 90_000 });

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
  await waitFor('the log to tell of it', () => node.line(({ msg }) => msg.startsWith('the spool cannot write')), { within: 15_000 });
  fill(ballast);
  await publisher.stop('SIGTERM', 2_000);
  await waitFor('the end of the playlist', () => watch.ended, { within: 20_000 });
  assert.equal(node.line(({ msg }) => msg.startsWith('a worker died')), undefined);
  fs.rmSync(ballast);
  const manifest = await manifestOf(dataDir, session.id, 20_000);
  checkObjects(dataDir, session.id, manifest);
  assert.equal(manifest.tracks[0].segments.at(-1)[0], watch.last.msn, 'with all that was seen');
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
