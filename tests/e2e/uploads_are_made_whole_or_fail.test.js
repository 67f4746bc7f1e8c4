// Runs beside others from the start: it takes minutes, and little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { checkObjects, recordingIn } from './lib/archived.js';
import { clockFile, frameNumbers } from './lib/clock_picture.js';
import { request } from './lib/http.js';
import { sql } from './lib/outbox.js';
import { insertRecording, recordingId } from './lib/recordings.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const owner = 'streamer-1';
const seconds = 60;
const env = { PORTHOLE_PRESET: 'slow', PORTHOLE_PUBLISH_IDLE_S: '2', PORTHOLE_JOB_SILENCE_S: '15' };
const source = (stage, id) => path.join(stage.dataDir(), 'archive/uploads', id, 'source');

/** An upload that waits for its job; its id. */
async function upload(stage) {
  const id = recordingId();
  const film = await clockFile({ seconds }, 'mp4');
  fs.mkdirSync(path.dirname(source(stage, id)), { recursive: true }); // the archive sweeps folders that are empty
  fs.copyFileSync(film, source(stage, id));
  await insertRecording(stage, { id, owner, kind: 'upload', state: 'processing', durationMs: 0 });
  await sql(stage, `UPDATE recordings SET turn_ms = created_ms, session = NULL WHERE id = '${id}'`);
  return id;
}

const row = async (stage, id) => {
  const [state, takes, attempts, reason] = (await sql(stage, `SELECT state, takes, attempts, reason FROM recordings WHERE id = '${id}'`)).split('|');
  return { state, takes: Number(takes), attempts: Number(attempts), reason };
};

/** The take of the origin's session, from its folder; undefined when there is none. */
function takeOf(stage, id) {
  try {
    return JSON.parse(fs.readFileSync(path.join(stage.dataDir(), 'spool', id, 'publication.json'), 'utf8')).take;
  } catch {
    return undefined;
  }
}

/** Waits until a take has segments on disk; the process that makes it. */
async function underWay(stage, node, id, take) {
  await waitFor(`segments of take ${take}`, () => {
    const first = path.join(stage.dataDir(), 'spool', id, 'v240', '1.m4s');
    return takeOf(stage, id) === take && fs.existsSync(first);
  }, { within: 180_000, every: 10 });
  const [busiest] = node.workers();
  assert.equal((await row(stage, id)).state, 'processing', 'it is not made yet: the film is too short for this machine');
  return busiest.pid;
}

/** Its next attempt is made at once, when this one is over. */
const hurry = (stage, id) => waitFor('the attempt to be over', () =>
  sql(stage, `UPDATE recordings SET turn_ms = created_ms WHERE id = '${id}' AND lease_owner = '' AND state = 'processing' RETURNING id`),
{ within: 120_000 });

/** Ready, with every picture, and with no object that is not its own. */
async function checkWhole(stage, id) {
  await waitFor('the recording to be ready', async () => {
    const { state, reason } = await row(stage, id);
    assert.notEqual(state, 'failed', reason);
    return state === 'ready';
  }, { within: 240_000 });
  checkObjects(await recordingIn(stage.dataDir(), id));
  const numbers = await frameNumbers(path.join(stage.dataDir(), 'archive/recordings', id, 'recording.mp4'));
  assert.deepEqual(numbers, Array.from({ length: seconds * 30 }, (_, i) => i), 'every picture once, in order');
  await waitFor('the source, which is needed no more, to go', () => !fs.existsSync(source(stage, id)), { within: 60_000 });
}

scenario('an upload whose process stands still is begun again, and no shorter recording is made', async (stage) => {
  const node = await stage.node({ env });
  const id = await upload(stage);
  const pid = await underWay(stage, node, id, 1);
  process.kill(pid, 'SIGSTOP');
  await waitFor('the process to be given up', () => !node.workers().some((one) => one.pid === pid), { within: 120_000 });
  const { state } = await row(stage, id);
  assert.equal(state, 'processing', 'the origin waited for the job, long after its last part');
  assert.ok(fs.existsSync(source(stage, id)), 'the source is kept');
  assert.ok(!fs.existsSync(path.join(stage.dataDir(), 'archive/recordings', id, 'recording.json')));
  await hurry(stage, id);
  await checkWhole(stage, id);
  assert.equal((await row(stage, id)).takes, 2);
}, { within: 150_000 });

scenario('an upload whose process, and then whose node, is killed is begun again from nothing', async (stage) => {
  const node = await stage.node({ env });
  const id = await upload(stage);
  process.kill(await underWay(stage, node, id, 1), 'SIGKILL');
  await hurry(stage, id);
  await underWay(stage, node, id, 2);
  await node.kill();
  await sql(stage, `UPDATE recordings SET lease_until_ms = 0 WHERE id = '${id}'`);
  await node.restart();
  await checkWhole(stage, id);
  assert.equal((await row(stage, id)).takes, 3);
}, { within: 150_000 });

scenario('of two nodes at one upload the later one counts, and nothing of the earlier one is kept', async (stage) => {
  const origin = await stage.node({ roles: 'origin,api', env });
  const workers = [];
  for (const name of ['a', 'b']) {
    workers.push(() => stage.node({
      roles: 'worker', name: `worker ${name}`,
      env: { ...env, PORTHOLE_ORIGINS: origin.url, PORTHOLE_WORKER_LISTEN: `unix:${stage.dataDir()}/${name}.sock` },
    }));
  }
  const first = await workers[0]();
  const id = await upload(stage);
  await underWay(stage, first, id, 1);
  first.child.signal('SIGSTOP'); // its process goes on
  try {
    await sql(stage, `UPDATE recordings SET lease_until_ms = 0 WHERE id = '${id}'`);
    const second = await workers[1]();
    await underWay(stage, second, id, 2);
  } finally {
    first.child.signal('SIGCONT');
  }
  await checkWhole(stage, id);
  await first.logged('who was late of it', ({ msg }) => msg === 'the origin takes nothing more of this take of the file' || msg === 'recording job ends');
}, { within: 150_000 });

scenario('an upload that cannot be made fails with a reason, and its source is still there', async (stage) => {
  const node = await stage.node({ env });
  const id = await upload(stage);
  const pid = await underWay(stage, node, id, 1);
  await sql(stage, `UPDATE recordings SET attempts = 5 WHERE id = '${id}'`);
  process.kill(pid, 'SIGKILL');
  await waitFor('the recording to fail', async () => (await row(stage, id)).state === 'failed', { within: 120_000 });
  const token = await stage.token(node, { sub: owner });
  const { json } = await request(`${node.url}/api/recordings/${id}`, { headers: { authorization: `Bearer ${token}` } });
  assert.match(json.reason, /could not be transcoded/);
  assert.ok(fs.existsSync(source(stage, id)), 'what a parent uploaded is not lost');
  await waitFor('what was half made to go', () => {
    const left = path.join(stage.dataDir(), 'archive/recordings', id);
    return takeOf(stage, id) === undefined && (!fs.existsSync(left) || fs.readdirSync(left, { recursive: true }).every((name) => !/\.(m4s|mp4|json)$/.test(name)));
  }, { within: 120_000 });
}, { within: 120_000 });
