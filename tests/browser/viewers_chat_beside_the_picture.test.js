import assert from 'node:assert/strict';
import path from 'node:path';
import { request } from '../e2e/lib/http.js';
import { scenario } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { openChromium } from './lib/chromium.js';

/** A page of its own browser context at the session, with its script errors and breaches of the page's policy. */
async function openPage(browser, node, session, token, { problems, ...context }) {
  const page = await (await browser.newContext({ viewport: { width: 1366, height: 850 }, ...context })).newPage();
  page.setDefaultTimeout(45_000);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('dialog', (dialog) => problems.push(`a dialog: ${dialog.message()}`));
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(`${node.url}/watch/${session.id}${token ? `#token=${token}` : ''}`);
  return page;
}

/** For whoever looks at the pages: SCREENSHOTS names a folder. */
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });

const write = async (page, text, name) => {
  if (name !== undefined) await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
};

scenario('viewers are counted and chat beside the picture; what they say is text and nothing else', async (stage) => {
  const { node, session } = await stage.live({ body: { title: 'Sunday <i>castle</i>', visibility: 'public' } });
  const grandmother = await stage.token(node, { role: 'viewer', sub: 'grandmother' });
  const browser = await openChromium(stage);
  const problems = [];
  const oma = await openPage(browser, node, session, grandmother, { problems });
  const alice = await openPage(browser, node, session, session.token, { problems });
  const stranger = await openPage(browser, node, session, null, { problems, viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  await oma.waitForFunction(() => window.porthole?.video?.currentTime > 0, undefined, { timeout: 60_000 });
  for (const page of [oma, alice, stranger]) await page.getByText('3 watching').waitFor({ timeout: 60_000 });

  const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script> {{7*7}} javascript:alert(3)';
  await write(oma, 'Hello, little one! What a castle.', '<b onclick=alert(4)>Oma</b>');
  await alice.getByText('Hello, little one! What a castle.').waitFor();
  assert.equal(await alice.locator('.chat-name').first().textContent(), '<b onclick=alert(4)>Oma</b>');
  await write(oma, evil);
  await alice.locator('.chat-text').nth(1).waitFor();
  await write(alice, 'Look, I found the dragon', '');
  for (const page of [oma, alice, stranger]) {
    await page.getByText('Look, I found the dragon').waitFor();
    assert.equal(await page.locator('.chat-text').nth(1).textContent(), evil);
    assert.equal(await page.locator('.chat-log :is(img, script, b, i)').count(), 0);
  }
  assert.equal(await oma.locator('.chat-message[data-own=true]').count(), 2);
  assert.equal(await oma.locator('.chat-role').getByText('Host').count(), 1);
  assert.equal(await stranger.getByLabel('Message', { exact: true }).isVisible(), false, 'without an invitation one reads');
  await stranger.getByText('To write here, open the link of your invitation.').waitFor();
  assert.equal(await oma.getByRole('button', { name: 'Delete' }).count(), 0);

  /* What is typed while a message is on its way is the next one; what could not be sent comes back. */
  let refuse;
  const refused = new Promise((resolve) => { refuse = resolve; });
  await oma.route('**/chat', (route) => refused.then(() => route.fulfill({ status: 503, body: '' })));
  await write(oma, 'One thing');
  const field = oma.getByLabel('Message', { exact: true });
  await field.pressSequentially('and another');
  assert.equal(await field.inputValue(), 'and another');
  refuse();
  await oma.getByText('It could not be sent. Try again.').waitFor();
  assert.equal(await field.inputValue(), 'One thing and another');
  await oma.unroute('**/chat');
  await field.fill('');
  await picture(alice, 'chat-owner');
  await picture(stranger, 'chat-phone');

  await alice.locator('.chat-message').nth(1).hover();
  await alice.locator('.chat-message').nth(1).getByRole('button', { name: 'Delete' }).click();
  for (const page of [oma, alice, stranger]) {
    await page.getByText('Message deleted').waitFor();
    assert.equal(await page.getByText('onerror').count(), 0);
  }
  await alice.locator('.chat-message').nth(0).hover();
  await alice.locator('.chat-message').nth(0).getByRole('button', { name: /^Mute/ }).click();
  await alice.getByText(/is muted/).waitFor();
  await write(oma, 'Am I heard?');
  await oma.getByText('You cannot write here any more.').waitFor();
  await alice.getByRole('button', { name: 'Undo' }).click();
  await alice.getByText(/may speak again/).waitFor();
  await oma.getByRole('button', { name: 'Send' }).click();
  await stranger.getByText('Am I heard?').waitFor();
  await picture(oma, 'chat-viewer');

  /* The picture went on all the while. */
  const at = await oma.evaluate(() => window.porthole.video.currentTime);
  await oma.waitForFunction((from) => window.porthole.video.currentTime > from + 1, at);
  await stranger.close();
  await oma.getByText('2 watching').waitFor({ timeout: 60_000 });

  const askedBefore = await node.metric('porthole_http_requests_total', { kind: 'api' });
  await stage.end(session);
  await oma.getByText('The session is over. Thanks for watching.').waitFor({ timeout: 60_000 });
  assert.ok((await node.metric('porthole_http_requests_total', { kind: 'api' })) - askedBefore < 40, 'an end makes no storm of questions');
  await waitFor('nobody to watch any more', async () => (await session.state(session.token)).viewers === 0);
  assert.deepEqual(problems, []);
}, { within: 90_000 });

scenario('the start page hears of sessions as they begin and end', async (stage) => {
  const node = await stage.node();
  const browser = await openChromium(stage);
  const page = await browser.newPage();
  const questions = [];
  page.on('request', (asked) => asked.url().includes('/api/sessions/active') && questions.push(asked.url()));
  await page.goto(`${node.url}/`);
  await page.getByText('No one is live').waitFor();
  const session = await stage.session(node, { body: { title: 'Just begun', visibility: 'public' } });
  await stage.publish(session, node.srtPort);
  await page.getByText('Just begun').waitFor({ timeout: 60_000 });
  await picture(page, 'home');
  const answer = await request(`${node.url}/api/sessions/end/${session.id}`, { method: 'POST', headers: { authorization: `Bearer ${session.token}` } });
  assert.equal(answer.status, 200);
  await page.getByText('No one is live').waitFor({ timeout: 20_000 }); // by itself it asks every half minute
  assert.ok(questions.length < 10, `${questions.length} questions`);
}, { within: 60_000 });
