// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const archiveOf = async (node) => (await request(`${node.url}/health`)).json.features.archive;

scenario('a node starts without its bucket, says so, and puts the rules on it when it is there', async (stage) => {
  const s3 = await stage.s3();
  await s3.stop();
  const node = await stage.node();
  const failing = await waitFor('the archive to be told of', async () => {
    const archive = await archiveOf(node);
    return archive.status === 'failing' && archive;
  });
  assert.match(failing.detail, /does not answer/);
  await s3.serve();
  await waitFor('the archive to be well', async () => (await archiveOf(node)).status === 'ok', { within: 60_000 });
  const rules = await waitFor('the rules to be put', async () => (await s3.admin('lc', 'get', '--bucket=porthole')).stdout.toString(), { every: 300 });
  assert.match(rules, /uploads/);
  assert.equal(await node.metric('porthole_store_rules_drifted'), 0);

  const locked = await stage.node({ dataDir: stage.dataDir('locked'), env: { AWS_SECRET_ACCESS_KEY: 'another' } });
  await waitFor('rules that may not be put to be told of', async () => (await locked.metric('porthole_store_rules_drifted')) === 1);
});

scenario('a folder that is the archive is well', async (stage) => {
  const node = await stage.node();
  assert.deepEqual(await archiveOf(node), { status: 'ok' });
  assert.equal((await request(`${node.url}/archive/recordings/a/recording.mp4`)).status, 403);
});
