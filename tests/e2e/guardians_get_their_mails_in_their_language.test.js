// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { MailRelay, parseMail } from './lib/mail_relay.js';
import { guardian, putProfile, sql } from './lib/outbox.js';
import { scenario, scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const name = 'Zoë <b>&"\' 🎮';
const title = 'Sky\'s "the" <script>alert(1)</script> limit';

scenarioOnBoth('guardians are told that a session began, ended and was recorded, each in their language, until they want no more', async (stage) => {
  const relay = await MailRelay.open(stage, { user: 'porthole', password: 'a long relay password' });
  const node = await stage.node({ env: { ...relay.env, PORTHOLE_MAIL_FROM: 'Our House <house@live.example>' } });
  await putProfile(stage, node, 'streamer-1', name, [
    guardian('mum', 'mum@example.org', 'de'),
    guardian('dad', 'dad@example.org', 'tr', ['ended']),
    guardian('gran', 'gran@example.org', 'en'),
    guardian('nobody', '', 'en'),
  ]);
  const session = await stage.session(node, { body: { title, visibility: 'private' } });
  await stage.publish(session, node.srtPort);
  await waitFor('the first mails', () => relay.mails.length >= 2);
  const accepted = await node.logged('of the publisher', ({ msg }) => msg === 'publisher accepted');
  const arrived = Date.parse(accepted.ts);
  const late = Math.max(...relay.mails.map((mail) => mail.at)) - arrived;
  console.log(`mails were handed over ${late} ms after the publisher was accepted`);
  assert.ok(late <= 8_000, `${late} ms after media arrived`);

  const [mum] = relay.to('mum@example.org').map((mail) => ({ ...mail, ...parseMail(mail.raw) }));
  assert.deepEqual([mum.secure, mum.user, mum.from], [true, 'porthole', 'house@live.example']);
  assert.equal(mum.headers.subject, `${name} ist live in VR`);
  assert.equal(mum.headers.from, 'Our House <house@live.example>');
  assert.equal(mum.headers.to, '<mum@example.org>');
  assert.equal(mum.headers['content-language'], 'de');
  assert.equal(mum.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
  assert.match(mum.headers['message-id'], /^<[a-z2-7]{26}@live\.example>$/);
  assert.ok(mum.text.includes(name) && mum.text.includes(title), 'text is text');
  assert.ok(!mum.html.includes('<b>') && !mum.html.includes('<script'), 'markup of strangers is text');
  assert.ok(mum.html.includes('Zoë &lt;b&gt;&amp;&quot;&#39; 🎮'));

  const link = new RegExp(`${node.url}/watch/${session.id}#token=(\\S+)`).exec(mum.text);
  stage.secrets.add(link[1]);
  const seen = await request(`${node.url}/api/sessions/${session.id}`, { headers: { authorization: `Bearer ${link[1]}` } });
  assert.equal(seen.status, 200, 'the link lets its guardian in');
  assert.equal((await request(`${node.url}/api/sessions/${session.id}`)).status, 404, 'and nobody without it');

  // One click, as mail programs make it (RFC 8058); looking at the link alone changes nothing.
  const unsubscribe = /<(.*)>/.exec(mum.headers['list-unsubscribe'])[1];
  const page = await request(unsubscribe.replace('session.started', ''));
  assert.equal(page.status, 200);
  assert.match(page.text, /Diese E-Mails abbestellen\?/);
  const wants = "SELECT wants_started, wants_ended FROM guardians WHERE subject = 'mum'";
  assert.equal(await sql(stage, wants), '1|1');
  const click = (url) => request(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
  assert.equal((await click(`${unsubscribe.slice(0, -3)}AAA`)).status, 403, 'a forged link does nothing');
  assert.equal((await click(unsubscribe.replace(/\..*/, ''))).status, 403);
  assert.equal((await click(unsubscribe)).status, 200);
  assert.equal(await sql(stage, wants), '0|1');

  await stage.end(session);
  await waitFor('the last mails', () => relay.mails.length >= 7);
  const dad = parseMail(relay.to('dad@example.org')[0].raw);
  assert.equal(dad.headers.subject, `${name} VR oturumunu bitirdi`);
  assert.match(dad.text, /Oturum .* sürdü\./);
  assert.equal(relay.to('mum@example.org').length, 3);
  assert.equal(relay.to('dad@example.org').length, 1);
  assert.equal(relay.to('gran@example.org').length, 3);
  const recorded = relay.to('mum@example.org').map((mail) => parseMail(mail.raw)).find((mail) => mail.text.includes('/recordings?'));
  const invitation = new RegExp(`${node.url}/recordings\\?recording=${session.id}#token=(\\S+)`).exec(recorded.text);
  stage.secrets.add(invitation[1]);
  const { json: recording } = await request(`${node.url}/api/recordings/${session.id}`, { headers: { authorization: `Bearer ${invitation[1]}` } });
  assert.deepEqual([recording.state, recording.title], ['ready', title]);

  const other = await stage.session(node, { sub: 'streamer-1' });
  await stage.publish(other, node.srtPort);
  await waitFor('mails of the second session', () => relay.to('gran@example.org').length === 4);
  await waitFor('nothing to wait in the outbox', async () => (await sql(stage, "SELECT COUNT(*) FROM outbox WHERE state <> 'sent'")) === '0');
  assert.equal(relay.to('mum@example.org').length, 3, 'who unsubscribed gets no more of them');
  await waitFor('all to be counted', async () => (await node.metric('porthole_outbox_sent_total', { kind: 'mail' })) === 8);

  await putProfile(stage, node, 'streamer-1', name, [guardian('dad', 'dad@example.org', 'tr')]);
  const gone = await request(`${node.url}/api/sessions/${session.id}`, { headers: { authorization: `Bearer ${link[1]}` } });
  assert.equal(gone.status, 404, 'the link of who is no guardian any more lets nobody in');
}, { within: 90_000 });

scenario('without a relay mails stay in the outbox, and are sent once there is one', async (stage) => {
  const node = await stage.node();
  await putProfile(stage, node, 'streamer-1', 'Zoë', [guardian('mum', 'mum@example.org')]);
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await waitFor('a mail in the outbox', async () => (await sql(stage, 'SELECT state FROM outbox')) === 'queued');
  await stage.end(session);
  await node.stop();
  const relay = await MailRelay.open(stage, { secure: true });
  await stage.node({ env: relay.env });
  await waitFor('the mails', () => relay.mails.length === 3); // it began, it ended, its recording is there
  assert.ok(relay.mails.every((mail) => mail.secure));
});
