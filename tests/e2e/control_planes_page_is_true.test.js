// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { run } from './lib/child.js';
import { repository } from './lib/media.js';
import { scenario } from './lib/stage.js';

const page = fs.readFileSync(path.join(repository, 'docs/control_plane.md'), 'utf8');
const blocks = (language) => [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].filter(([, name]) => name === language).map(([, , block]) => block);

scenario('what docs/control_plane.md says to run works, in its order', async (stage) => {
  const env = { PORTHOLE_API_KEY: crypto.randomBytes(32).toString('hex'), PORTHOLE_JWT_SECRET: crypto.randomBytes(32).toString('hex') };
  for (const secret of Object.values(env)) stage.secrets.add(secret);
  const node = await stage.node({ env });
  const commands = blocks('sh').filter((block) => !block.includes('<password>') && !block.startsWith('export PORTHOLE_API_KEY='))
    .map((block) => `${block.replace('http://localhost:8080', node.url)}\necho\n`);
  const { stdout } = await run('/bin/bash', ['-c', `set -euo pipefail\ncd "$0"\n${commands.join('')}cat session.json`, stage.folder], {
    env: { ...process.env, ...env },
  });
  const answers = stdout.toString().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const [profile, created, ended, recordings, webhook, started] = answers;
  assert.equal(answers.length, 6, stdout.toString());
  assert.deepEqual(profile.guardians, [{ subject: 'mum', mail: 'mum@example.org', language: 'de', wants: ['started', 'recording'] }]);
  assert.equal(created.state, 'created');
  assert.ok(created.playback.token);
  assert.equal(ended.state, 'ended');
  assert.deepEqual(recordings, { recordings: [], next: null });
  assert.match(webhook.secret, /^whsec_/);
  assert.equal(started.sessionId, ended.sessionId);
  for (const secret of [created.playback.token, webhook.secret, started.streamKey, started.playback.token]) stage.secrets.add(secret);
});

scenario('a receiver in Python, as docs/control_plane.md has it, knows a genuine delivery', async () => {
  const [snippet] = blocks('python');
  const time = Math.floor(Date.now() / 1000);
  const body = '{"id":"a"}';
  const sign = (secret, at) => `t=${at},v1=${crypto.createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
  const cases = [[sign('whsec_a', time), true], [sign('whsec_b', time), false], [sign('whsec_a', time - 400), false]];
  const calls = cases.map(([header]) => `print(is_genuine("whsec_a", "${header}", b'${body}'))`);
  const { stdout } = await run('python3', ['-c', `import hashlib, hmac, time\n${snippet}\n${calls.join('\n')}\n`]);
  assert.deepEqual(stdout.toString().trim().split('\n'), cases.map(([, genuine]) => (genuine ? 'True' : 'False')));
});
