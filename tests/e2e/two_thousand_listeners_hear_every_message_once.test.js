// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { openEvents } from './lib/event_stream.js';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 's'.repeat(40);
const env = { PORTHOLE_RATE_LIMITS: 'off', PORTHOLE_JWT_SECRET: secret };
const base64url = (text) => Buffer.from(text).toString('base64url');

/** A viewer's token: the crowd is too large for the command line. */
const tokenOf = (sub) => {
  const claims = { sub, role: 'viewer', exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};

const say = async (node, session, sub, text) => {
  const answer = await request(`${node.url}/api/sessions/${session.id}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf(sub)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  assert.equal(answer.status, 201, answer.text);
};

const texts = (stream) => stream.of('chat').map((event) => event.data.text);

scenario('two thousand listeners hear every message once and in order', async (stage) => {
  const node = await stage.node({ roles: 'api', env });
  const session = await stage.session(node);
  const listeners = [];
  while (listeners.length < 2_000) listeners.push(...(await Promise.all(Array.from({ length: 100 }, () => openEvents(node, session.id)))));
  await waitFor('everybody to hear how things stand', () => listeners.every((one) => one.events.length > 0), { within: 60_000 });
  const all = Array.from({ length: 20 }, (_, i) => `message ${i}`);
  for (const [i, text] of all.entries()) await say(node, session, `speaker-${i % 4}`, text);
  await waitFor('everybody to hear everything', () => listeners.every((one) => one.of('chat').length >= 20), { within: 60_000 });
  for (const one of listeners) assert.deepEqual(texts(one), all);
  assert.equal(listeners.filter((one) => one.over).length, 0);
  for (const one of listeners) one.close();
});
