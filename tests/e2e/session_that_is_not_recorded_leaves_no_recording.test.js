// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

scenario('a session with record: false leaves its segments for a while, and no recording', async (stage) => {
  const { node, session } = await stage.live({ body: { visibility: 'public', record: false } });
  await session.segments('v360', 2);
  await stage.end(session);
  const archive = path.join(stage.dataDir(), 'archive');
  await waitFor('the session to be archived', async () => fs.existsSync(path.join(stage.dataDir(), 'spool', session.id, 'complete')));
  assert.ok(fs.existsSync(path.join(archive, 'live', session.id, 'v360', '0.m4s')));
  assert.ok(fs.existsSync(path.join(archive, 'live', session.id, 'v360', 'init.mp4')));
  assert.ok(!fs.existsSync(path.join(archive, 'recordings', session.id)));
  const answer = await request(`${node.url}/api/recordings/session/${session.id}`, { headers: { authorization: `Bearer ${session.token}` } });
  assert.ok(answer.status === 404 || answer.json.recordings?.length === 0, answer.text);
}, { within: 60_000 });
