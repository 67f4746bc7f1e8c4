// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { MailRelay, parseMail } from './lib/mail_relay.js';
import { guardian, putProfile, sql } from './lib/outbox.js';
import { scenarioOnBoth } from './lib/stage.js';
import { pause, waitFor } from './lib/wait.js';

const mails = 1_000;
const kills = 12;

const letters = 'abcdefghijklmnopqrstuvwxyz';
const idOf = (number) => [3, 2, 1, 0].map((digit) => letters[Math.floor(number / 26 ** digit) % 26]).join('').padStart(26, 'a');

const recipientOf = (number) => `guardian${number}@example.org`;

/** Rows as the events' code writes them, for as many recipients. */
async function fill(stage) {
  const payload = JSON.stringify({ profile: 'streamer-1', guardian: 'mum', language: 'en', name: 'Zoë', data: { sessionId: 'a'.repeat(26), title: 'A title' } });
  const now = Date.now();
  const row = (number) =>
    `('${idOf(number)}', 'mail', 'session.started:${'a'.repeat(26)}', '${recipientOf(number)}', 'session.started', '${payload}', 'queued', 0, '', '', 0, ${now}, ${now})`;
  for (let from = 0; from < mails; from += 200) {
    const rows = Array.from({ length: 200 }, (_, index) => row(from + index));
    await sql(stage, `INSERT INTO outbox (id, kind, event_key, recipient, event, payload, state, attempts, reason, lease_owner, lease_until_ms, created_ms, next_ms) VALUES ${rows.join(', ')}`);
  }
}

scenarioOnBoth('a thousand queued mails survive kill -9 again and again: none comes twice, none is lost but one whose dot a kill holds back', async (stage) => {
  // As far away as a relay is: what is in doubt at a kill is what it has and we do not know of.
  const relay = await MailRelay.open(stage, { content: () => pause(randomInt(4, 12)) });
  const node = await stage.node();
  await putProfile(stage, node, 'streamer-1', 'Zoë', [guardian('mum', 'mum@example.org')]);
  await fill(stage);
  await node.stop();
  Object.assign(node.given, relay.env);
  await node.start();

  let killed = 0;
  const step = mails / (kills + 1);
  while (killed < kills) {
    await waitFor('more mails', () => relay.mails.length >= step * (killed + 1), { every: 5, within: 90_000 });
    await pause(randomInt(0, 40));
    await node.kill();
    killed += 1;
    await node.start();
  }
  await waitFor('the outbox to be empty', async () => (await sql(stage, "SELECT COUNT(*) FROM outbox WHERE state <> 'sent'")) === '0', { within: 60_000, every: 200 });

  const count = new Map();
  for (const mail of relay.mails) count.set(mail.to, (count.get(mail.to) ?? 0) + 1);
  const twice = [...count].filter(([, times]) => times > 1);
  const assumed = (await sql(stage, "SELECT recipient FROM outbox WHERE reason LIKE 'handed over%'")).split('\n').filter(Boolean);
  console.log(`${relay.mails.length} mails after ${killed} kills; ${assumed.length} of them counted as sent by the handover file`);
  assert.deepEqual(twice, [], 'none twice');
  // A kill between a mail's mark and the system call that sends its dot cannot be told from one behind it (api/outbox/handover.h).
  const lost = Array.from({ length: mails }, (_, number) => recipientOf(number)).filter((recipient) => !count.has(recipient));
  assert.deepEqual(lost.filter((recipient) => !assumed.includes(recipient)), [], 'none lost that is not in doubt');
  assert.ok(lost.length <= 1, `lost: ${lost}`);
  assert.equal(new Set(relay.mails.map((mail) => parseMail(mail.raw).headers['message-id'])).size, mails - lost.length);
}, { within: 150_000 });
