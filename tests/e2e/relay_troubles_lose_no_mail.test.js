// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import net from 'node:net';
import { MailRelay, refuse } from './lib/mail_relay.js';
import { guardian, putProfile, sql } from './lib/outbox.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const payload = JSON.stringify({ profile: 'streamer-1', guardian: 'mum', language: 'en', name: 'Zoë', data: { sessionId: 'a'.repeat(26), title: '' } });

/** A mail in the outbox, as an event would have put it there. */
const add = (stage, letter, to, event = 'session.started') =>
  sql(stage, `INSERT INTO outbox (id, kind, event_key, recipient, event, payload, state, attempts, reason, lease_owner, lease_until_ms, created_ms, next_ms) VALUES ('${letter.repeat(26)}', 'mail', '${letter}', '${to}', '${event}', '${payload}', 'queued', 0, '', '', 0, ${Date.now()}, ${Date.now()})`);
const outcome = (stage, letter) => sql(stage, `SELECT state, attempts, reason FROM outbox WHERE id = '${letter.repeat(26)}'`);

/** Of a mail that waits for its next attempt; there may have been more of them than one looked. */
async function failure(stage, letter) {
  const [state, attempts, reason] = (await outcome(stage, letter)).split('|');
  return state === 'queued' && Number(attempts) > 0 ? { attempts: Number(attempts), reason } : {};
}

/** A node without a relay first, for the database to be there. */
async function prepared(stage) {
  const node = await stage.node();
  await putProfile(stage, node, 'streamer-1', 'Zoë', [guardian('mum', 'mum@example.org')]);
  await node.stop();
  return node;
}

async function restart(node, env) {
  if (node.child.running) await node.stop();
  Object.assign(node.given, env);
  await node.start();
}

/** The same, and every mail is tried at once. */
async function restartWhereItIsDue(stage, node, env) {
  await node.stop();
  await sql(stage, 'UPDATE outbox SET next_ms = 0');
  await restart(node, env);
}

scenario('what a relay refuses for now comes later, what it refuses for good is given up, and no dead mailbox is tried again', async (stage) => {
  const node = await prepared(stage);
  const relay = await MailRelay.open(stage, {
    recipient: (address, count) => {
      if (address.startsWith('greylisted') && count < 2) return refuse(450, '4.2.0 come back later');
      if (address.startsWith('gone')) return refuse(550, '5.1.1 no such user');
      if (address.startsWith('policy')) return refuse(554, '5.7.1 not from you');
      return null;
    },
    content: (address) => (address.startsWith('spam') ? refuse(550, '5.7.1 looks like spam') : null),
  });
  await add(stage, 'a', 'greylisted@example.org');
  await add(stage, 'b', 'Gone@example.org'.toLowerCase());
  await add(stage, 'c', 'policy@example.org');
  await add(stage, 'd', 'spam@example.org');
  await add(stage, 'e', 'good@example.org');
  await add(stage, 'f', 'no address at all');
  await restart(node, relay.env);
  await waitFor('every mail to be settled', async () => (await sql(stage, "SELECT COUNT(*) FROM outbox WHERE state NOT IN ('sent', 'failed')")) === '0');
  assert.match(await outcome(stage, 'a'), /^sent\|2\|/);
  assert.equal(await outcome(stage, 'b'), 'failed|1|the relay answered 550 5.1.1');
  assert.equal(await outcome(stage, 'c'), 'failed|1|the relay answered 554 5.7.1');
  assert.equal(await outcome(stage, 'd'), 'failed|1|the relay answered 550 5.7.1');
  assert.match(await outcome(stage, 'e'), /^sent\|1\|/);
  assert.match(await outcome(stage, 'f'), /^failed\|1\|/);
  assert.equal(await sql(stage, 'SELECT address FROM mail_suppressions'), 'gone@example.org');
  assert.deepEqual(relay.mails.map((mail) => mail.to).sort(), ['good@example.org', 'greylisted@example.org']);
  for (const [what, count] of [['retries', 1], ['failed', 4]]) {
    const counted = () => node.metric(`porthole_outbox_${what}_total`, { kind: 'mail' });
    await waitFor(`${what} to be counted`, async () => (await counted()) >= count); // it is written first
    assert.equal(await counted(), count, what);
  }
  for (const secret of ['gone@', 'good@', 'greylisted@']) stage.secrets.add(secret);
});

scenario('a wrong password, a relay without TLS and one that is not there lose nothing and say what is wrong', async (stage) => {
  const node = await prepared(stage);
  await add(stage, 'a', 'mum@example.org');
  const relay = await MailRelay.open(stage, { user: 'porthole', password: 'right-password' });
  stage.secrets.add('wrong-password');
  await restart(node, { ...relay.env, PORTHOLE_SMTP_URL: relay.url.replace('right-', 'wrong-') });
  const refused = 'the relay refuses our name and password (535)';
  await waitFor('the first failure', async () => (await failure(stage, 'a')).reason === refused);
  await node.logged('what to check', ({ level, msg }) => level === 'error' && /check smtp_url/.test(msg));
  assert.ok(relay.logins.length > 0 && relay.logins.every((login) => login.secure), 'the password went over TLS');

  await restartWhereItIsDue(stage, node, { PORTHOLE_SMTP_URL: 'smtp://localhost:1' });
  const away = await waitFor('the second failure', async () => {
    const { reason } = await failure(stage, 'a');
    return reason !== refused && reason;
  });

  await restartWhereItIsDue(stage, node, { PORTHOLE_CA_FILE: '/etc/ssl/certs/ca-certificates.crt', PORTHOLE_SMTP_URL: relay.url });
  const distrusted = await waitFor('the third failure', async () => {
    const { attempts, reason } = await failure(stage, 'a');
    return reason && reason !== away && { attempts, reason };
  });
  assert.ok(distrusted.reason.startsWith("the relay's certificate is not to be trusted"), distrusted.reason);
  assert.ok(distrusted.attempts >= 3, `${distrusted.attempts} attempts`);
  assert.equal(relay.mails.length, 0);

  await restartWhereItIsDue(stage, node, relay.env);
  await waitFor('the mail', () => relay.mails.length === 1);
});

scenario('a relay that hangs holds up neither the node nor its end', async (stage) => {
  const node = await prepared(stage);
  await add(stage, 'a', 'mum@example.org');
  const connections = [];
  const silent = net.createServer((socket) => connections.push(socket.on('error', () => {})));
  await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
  stage.after(() => {
    for (const socket of connections) socket.destroy();
    silent.close();
  });
  await restart(node, { PORTHOLE_SMTP_URL: `smtp://localhost:${silent.address().port}` });
  await waitFor('a connection', () => connections.length > 0);
  assert.equal((await node.metrics()).length > 0, true);
  const askedAt = Date.now();
  assert.equal((await node.stop()).code, 0);
  assert.ok(Date.now() - askedAt < 12_000, `${Date.now() - askedAt} ms to stop`);
  assert.match(await outcome(stage, 'a'), /^queued\|1\|/, 'the mail waits for another life');
});
