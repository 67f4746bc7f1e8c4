import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { request } from './lib/http.js';
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

scenario('the spool keeps within its bound', async (stage) => {
  const dataDir = stage.dataDir();
  const node = await stage.node({ dataDir, env: { PORTHOLE_SPOOL_MOST_MIB: '16', PORTHOLE_LADDER: '360p30@4000k' } });
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort, { source: { size: '640x360', bitrate: '6M', picture: 'motion' } });
  await session.multivariant();
  const playlist = await session.segments('v360', 12, 40_000);
  const used = Number((await run('du', ['-sk', dataDir])).stdout.toString().split('\t')[0]);
  assert.ok(used < 20 * 1024, `the data folder holds ${used} KiB`);
  for (const segment of playlist.segments) {
    assert.equal((await request(`${session.live}/v360/${segment.uri}`)).status, 200, 'every listed segment is there');
  }
}, { within: 90_000 });
