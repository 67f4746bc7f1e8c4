// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { certificate } from './lib/mail_relay.js';
import { sql } from './lib/outbox.js';
import { scenario, scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';
import { WebhookReceiver } from './lib/webhook_receiver.js';

const allowed = { PORTHOLE_WEBHOOK_PRIVATE_ADDRESSES: 'yes' };

async function call(stage, node, method, path, body, role = 'admin') {
  const headers = { 'content-type': 'application/json' };
  if (role) headers.authorization = `Bearer ${await stage.token(node, { role, sub: `${role}-1` })}`;
  return request(`${node.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
}

async function register(stage, node, receiver, path, events) {
  const answer = await call(stage, node, 'POST', '/api/webhooks', { url: `${receiver.url}${path}`, events });
  assert.equal(answer.status, 201, answer.text);
  receiver.secrets.set(path, answer.json.secret);
  stage.secrets.add(answer.json.secret);
  return answer.json;
}

/** An event for every webhook that asked for session.ended: a session that was live and is over. */
async function tell(stage, node) {
  const session = await stage.session(node);
  const publisher = await stage.publish(session, node.srtPort);
  await waitFor('the session to be live', async () => (await session.state(session.token)).state === 'live');
  await stage.end(session);
  await publisher.stop?.('SIGTERM', 2_000);
  return session;
}

scenarioOnBoth('programs are told of sessions, signed, and again until they listen', async (stage) => {
  let failures = 0;
  const receiver = await WebhookReceiver.open(stage, {
    answer: (asked, response) => {
      if (asked.url !== '/flaky' || failures >= 1) return false;
      failures += 1;
      response.writeHead(503).end();
      return true;
    },
  });
  const node = await stage.node({ env: allowed });
  const all = await register(stage, node, receiver, '/all', ['session.*']);
  await register(stage, node, receiver, '/ended', ['session.ended', 'recording.ready']);
  const flaky = await register(stage, node, receiver, '/flaky', ['session.ended']);
  const listed = (await call(stage, node, 'GET', '/api/webhooks')).json;
  assert.deepEqual(listed.webhooks.map((one) => [one.events, one.state]), [[['session.*'], 'active'], [['session.ended', 'recording.ready'], 'active'], [['session.ended'], 'active']]);
  assert.ok(!JSON.stringify(listed).includes('whsec_'), 'a secret is told once');

  const session = await tell(stage, node);
  await waitFor('every delivery', () => receiver.deliveries.length >= 5);
  const of = (path) => receiver.deliveries.filter((one) => one.path === path);
  assert.deepEqual(of('/all').map((one) => one.event), ['session.started', 'session.ended']);
  assert.deepEqual(of('/ended').map((one) => one.event).sort(), ['recording.ready', 'session.ended']);
  const recording = of('/ended').find((one) => one.event === 'recording.ready').data;
  assert.deepEqual([recording.recordingId, recording.sessionId, recording.owner], [session.id, session.id, 'streamer-1']);
  assert.ok(recording.durationMs > 0 && recording.bytes > 0);
  assert.equal(failures, 1);
  assert.equal(of('/flaky').length, 1);
  const [{ data }] = of('/flaky');
  assert.deepEqual([data.sessionId, data.owner, data.state], [session.id, 'streamer-1', 'ended']);
  assert.ok(data.endedAt > data.startedAt);
  await waitFor('the state active', async () => (await call(stage, node, 'GET', '/api/webhooks')).json.webhooks.find((one) => one.id === flaky.id).state === 'active');

  assert.equal((await call(stage, node, 'DELETE', `/api/webhooks/${all.id}`)).status, 204);
  assert.equal((await call(stage, node, 'DELETE', `/api/webhooks/${all.id}`)).status, 404);
  for (const role of [undefined, 'viewer', 'streamer', 'operator']) {
    assert.ok([401, 403].includes((await call(stage, node, 'GET', '/api/webhooks', undefined, role ?? null)).status), `${role} may not see them`);
    assert.ok([401, 403].includes((await call(stage, node, 'POST', '/api/webhooks', { url: 'https://a.example', events: ['session.*'] }, role ?? null)).status));
  }
}, { within: 90_000 });

scenario('a slow receiver holds up nobody else, one that is gone is disabled, redirects are not followed and answers are bounded', async (stage) => {
  const trap = await WebhookReceiver.open(stage);
  let givenUpAt = Infinity;
  const receiver = await WebhookReceiver.open(stage, {
    answer: (asked, response) => {
      if (asked.url.startsWith('/slow')) return response.on('close', () => { givenUpAt = Math.min(givenUpAt, Date.now()); });
      if (asked.url === '/gone') return response.writeHead(410).end();
      if (asked.url === '/redirect') return response.writeHead(307, { location: `${trap.url}/trap` }).end();
      if (asked.url === '/endless') {
        response.writeHead(200);
        const pour = () => { while (!response.destroyed && response.write(Buffer.alloc(65_536))); };
        response.on('drain', pour).on('error', () => {});
        pour();
        return true;
      }
      return false;
    },
  });
  const node = await stage.node({ env: allowed });
  for (let i = 0; i < 8; i++) await register(stage, node, receiver, `/slow${i}`, ['session.started']);
  for (const path of ['/gone', '/redirect', '/endless']) await register(stage, node, receiver, path, ['session.started']);
  await register(stage, node, receiver, '/quick', ['session.*']);
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  const quick = await waitFor('the quick one', () => receiver.deliveries.find((one) => one.path === '/quick'));
  assert.ok(quick.at < givenUpAt, 'the quick one was told before any slow one was given up');
  const state = async (path) => (await call(stage, node, 'GET', '/api/webhooks')).json.webhooks.find((one) => one.url.endsWith(path));
  await waitFor('gone to be disabled', async () => (await state('/gone')).state === 'disabled');
  await waitFor('redirect to fail', async () => (await state('/redirect')).reason === 'it answered 307');
  await waitFor('endless to fail', async () => (await state('/endless')).state === 'failing');
  assert.equal(trap.requests, 0);
  await waitFor('slow ones to fail', async () => (await state('/slow7')).state === 'failing');
});

scenario('webhooks reach neither private addresses nor strangers with a wrong certificate', async (stage) => {
  const { key, cert, file } = await certificate(stage.folder);
  const receiver = await WebhookReceiver.open(stage, { tls: { key, cert } });
  const node = await stage.node();
  for (const url of ['http://example.org/x', 'https://user:pw@example.org/', 'https://example.org/#x', 'ftp://example.org/', 'https://', 'nonsense', `https://example.org/${'x'.repeat(1_100)}`]) {
    const answer = await call(stage, node, 'POST', '/api/webhooks', { url, events: ['session.*'] });
    assert.equal(answer.status, 400, url);
    assert.match(answer.json.field, /url/);
  }
  for (const events of [[], ['session'], ['*'], ['session.nothing'], 'session.*', [1]]) {
    assert.equal((await call(stage, node, 'POST', '/api/webhooks', { url: 'https://example.org/', events })).status, 400, JSON.stringify(events));
  }
  const hook = await register(stage, node, receiver, '/tls', ['session.ended']);
  const reason = async () => (await call(stage, node, 'GET', '/api/webhooks')).json.webhooks.find((one) => one.id === hook.id).reason;
  await tell(stage, node);
  await waitFor('the address to be refused', async () => (await reason()) === 'its address is one that webhooks may not reach');
  assert.equal(receiver.requests, 0);

  const due = () => sql(stage, "UPDATE outbox SET next_ms = 0;\nUPDATE webhooks SET retry_ms = 0");
  await node.stop();
  await due();
  Object.assign(node.given, allowed);
  await node.start();
  await waitFor('the certificate to be refused', async () => /not to be trusted|key/i.test(await reason()));
  assert.equal(receiver.requests, 0);

  await node.stop();
  await due();
  node.given.PORTHOLE_CA_FILE = file;
  await node.start();
  await waitFor('the delivery', () => receiver.deliveries.length === 1);
});

scenario('the death of a worker is told', async (stage) => {
  const receiver = await WebhookReceiver.open(stage);
  const node = await stage.node({ env: allowed });
  await register(stage, node, receiver, '/workers', ['worker.*']);
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  process.kill(node.workers()[0].pid, 'SIGKILL');
  const death = await waitFor('the death', () => receiver.deliveries[0]);
  assert.deepEqual([death.event, death.data.sessionId, death.data.worker], ['worker.died', session.id, 'local']);
});
