import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
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

scenario('a disk that fills up is reported, the live session goes on, and room makes it well again', async (stage) => {
  const dataDir = await smallDisk(stage, 24);
  const node = await stage.node({ dataDir });
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  await session.segments('v360', 2);
  const ballast = path.join(dataDir, 'ballast');
  const file = fs.openSync(ballast, 'w');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  } finally {
    fs.closeSync(file);
  }
  await waitFor('the log to tell of it', () => node.lines.some((line) => /space|disk|full|ENOSPC/i.test(JSON.stringify(line))), { within: 15_000 });
  assert.ok(node.child.running);
  assert.equal((await request(`${session.live}/index.m3u8`)).status, 200, 'what is in memory is served');

  fs.rmSync(ballast);
  const watch = stage.watch(session, 'v360');
  await session.segments('v360', 2, 30_000);
  assert.deepEqual(watch.skipped(), []);
  assert.equal(watch.discontinuities, 0);
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
