// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import net from 'node:net';
import { openEvents } from './lib/event_stream.js';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 's'.repeat(40);
const base64url = (text) => Buffer.from(text).toString('base64url');

/** A viewer's token: there are too many for the command line. */
const tokenOf = (sub) => {
  const claims = { sub, role: 'viewer', exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};

scenario('a listener that does not read is dropped while others go on, and begins anew when it comes back', async (stage) => {
  const node = await stage.node({ roles: 'api', env: { PORTHOLE_RATE_LIMITS: 'off', PORTHOLE_JWT_SECRET: secret } });
  const session = await stage.session(node);
  const quick = await openEvents(node, session.id);
  await quick.heard('how things stand', (event) => event.type === 'state');
  const slow = net.connect({ port: node.httpPort, host: '127.0.0.1' });
  slow.pause();
  slow.on('error', () => undefined);
  slow.write(`GET /api/events?session=${session.id} HTTP/1.1\r\nHost: test\r\n\r\n`);
  stage.viewer(() => slow.destroy());
  await waitFor('both to listen', async () => (await node.metric('porthole_api_event_followers')) === 2, { within: 30_000 });

  const text = '\u{1f600}'.repeat(500);
  let said = 0;
  const say = async () => {
    const answer = await request(`${node.url}/api/sessions/${session.id}/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(`speaker-${said++}`)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });
    assert.equal(answer.status, 201, answer.text);
  };
  /* Until what waits for it is more than the sockets and its queue hold. */
  await waitFor('the node to drop it', async () => {
    await Promise.all(Array.from({ length: 16 }, say));
    return (await node.metric('porthole_api_event_followers')) === 1;
  }, { within: 150_000, every: 1 });
  await waitFor('the other to hear everything', () => quick.of('chat').length === said, { within: 60_000 });
  assert.equal(quick.over, false);

  const back = await openEvents(node, session.id, { lastEventId: 1 });
  await back.heard('that it missed too much', (event) => event.type === 'reset');
  await back.heard('how things stand', (event) => event.type === 'state');
  assert.equal(back.lastEventId, quick.lastEventId);
  await say();
  await back.heard('what comes next', (event) => event.type === 'chat');
});
