// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { MailRelay } from './lib/mail_relay.js';
import { guardian, putProfile, sql } from './lib/outbox.js';
import { scenario } from './lib/stage.js';
import { pause, waitFor } from './lib/wait.js';

const mails = 300;
const letters = 'abcdefghijklmnopqrstuvwxyz';
const idOf = (number) => [3, 2, 1, 0].map((digit) => letters[Math.floor(number / 26 ** digit) % 26]).join('').padStart(26, 'b');

scenario('two nodes take each mail of one outbox once, also when one of them is killed and gone for good', async (stage) => {
  await stage.postgres();
  const relay = await MailRelay.open(stage, { content: () => pause(60) });
  const first = await stage.node({ dataDir: stage.dataDir('first'), roles: 'api' });
  await putProfile(stage, first, 'streamer-1', 'Zoë', [guardian('mum', 'mum@example.org')]);
  await first.stop();
  const payload = JSON.stringify({ profile: 'streamer-1', guardian: 'mum', language: 'en', name: 'Zoë', data: { sessionId: 'a'.repeat(26), title: '' } });
  const now = Date.now();
  const rows = Array.from({ length: mails }, (_, number) =>
    `('${idOf(number)}', 'mail', 'k', 'guardian${number}@example.org', 'session.started', '${payload}', 'queued', 0, '', '', 0, ${now}, ${now})`);
  await sql(stage, `INSERT INTO outbox (id, kind, event_key, recipient, event, payload, state, attempts, reason, lease_owner, lease_until_ms, created_ms, next_ms) VALUES ${rows.join(', ')}`);

  const secret = { PORTHOLE_JWT_SECRET: 'the-same-secret-on-both-of-the-nodes', ...relay.env };
  stage.secrets.add(secret.PORTHOLE_JWT_SECRET);
  Object.assign(first.given, secret);
  const [, second] = await Promise.all([first.start(), stage.node({ dataDir: stage.dataDir('second'), roles: 'api', env: secret })]);
  await waitFor('some mails', () => relay.mails.length > mails / 3, { every: 5 });
  const owners = Number(await sql(stage, "SELECT COUNT(DISTINCT lease_owner) FROM outbox WHERE lease_owner <> ''"));
  await first.kill();
  // What it only had leased comes back when the lease runs out; a test does not wait two minutes for that.
  // (The living node's leases run out with it, under its hands: it must notice.)
  await sql(stage, "UPDATE outbox SET lease_until_ms = 0 WHERE state = 'leased'");
  const open = () => sql(stage, "SELECT COUNT(*) FROM outbox WHERE state IN ('queued', 'leased')");
  await waitFor('the rest to be sent', async () => (await open()) === '0', { within: 120_000, every: 200 });
  await waitFor('the second node to be through', async () => Number(await sql(stage, "SELECT COUNT(*) FROM outbox WHERE state = 'handing'")) <= 4);
  const handing = Number(await sql(stage, "SELECT COUNT(*) FROM outbox WHERE state = 'handing'"));
  const sent = new Set(relay.mails.map((mail) => mail.to));
  assert.equal(sent.size, relay.mails.length, 'none twice');
  assert.ok(sent.size >= mails - handing, 'none lost but what the dead node may have handed over');
  assert.ok(owners >= 1 && (await second.metric('porthole_outbox_sent_total', { kind: 'mail' })) > 0);
});
