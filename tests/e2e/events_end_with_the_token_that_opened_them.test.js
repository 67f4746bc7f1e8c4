// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { openEvents } from './lib/event_stream.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 's'.repeat(40);
const base64url = (text) => Buffer.from(text).toString('base64url');

/** A token that ends in so many seconds, the minute that clocks may differ included. */
const tokenFor = (seconds, claims) => {
  const body = { role: 'viewer', ...claims, exp: Math.floor(Date.now() / 1000) - 60 + seconds };
  const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(body))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};

scenario('a stream of events ends with its token, and one whose token lives goes on', async (stage) => {
  const node = await stage.node({ roles: 'api', env: { PORTHOLE_JWT_SECRET: secret } });
  const session = await stage.session(node, { body: { visibility: 'private' } });
  const [brief, lasting] = await Promise.all([8, 120].map((seconds) =>
    openEvents(node, session.id, { token: tokenFor(seconds, { sub: 'grandmother', session: session.id }) })));
  assert.deepEqual([brief.status, lasting.status], [200, 200]);
  await waitFor('the stream to end', () => brief.ended, { within: 30_000 });
  assert.equal(lasting.over, false);
  assert.equal((await openEvents(node, session.id, { token: tokenFor(-1, { sub: 'grandmother', session: session.id }) })).status, 401);
  assert.equal((await openEvents(node, session.id, { token: tokenFor(60, { sub: 'stranger' }) })).status, 404);
  lasting.close();
});
