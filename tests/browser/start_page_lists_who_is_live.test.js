// Runs beside others: it measures no time.
import assert from 'node:assert/strict';
import { waitFor } from '../e2e/lib/wait.js';
import { pageTest } from './lib/pages.js';
import { recording, session } from './lib/stub_server.js';

pageTest('nobody live: it says so and tells how to publish', async ({ stub, page }) => {
  await page.goto(`${stub.url}/`);
  await page.getByText('No one is live').waitFor();
  await page.getByText('How to go live').click();
  assert.match(await page.locator('.publish-address').innerText(), /^srt:\/\/127\.0\.0\.1:9000\?streamid=/);
});

pageTest('a session appears with title, badge and time, leads to its page, and goes when it is over', async ({ stub, page }) => {
  await page.goto(`${stub.url}/`);
  await page.getByText('No one is live').waitFor();
  stub.sessions.set('abc', session('abc', { title: '<b>Castle</b> & co' }));
  stub.listed = ['abc'];
  const card = page.getByRole('link', { name: /<b>Castle<\/b> & co/ });
  await card.waitFor();
  assert.match(await card.innerText(), /Live[^]*Since .* · 2 min/);
  assert.equal(await card.getAttribute('href'), '/watch/abc');
  assert.equal(await page.getByText('No one is live').isVisible(), false);
  stub.listed = [];
  await card.waitFor({ state: 'detached' });
  await page.getByText('No one is live').waitFor();
});

pageTest('a server that is away is named, the list stays, and the page finds back by itself', async ({ stub, page }) => {
  stub.sessions.set('abc', session('abc'));
  stub.listed = ['abc'];
  await page.goto(`${stub.url}/`);
  const card = page.getByRole('link', { name: /Sunday castle/ });
  await card.waitFor();
  await stub.stop();
  await page.getByText('Porthole cannot be reached').waitFor();
  assert.ok(await card.isVisible());
  await stub.start();
  await page.getByText('Porthole cannot be reached').waitFor({ state: 'hidden' });
});

pageTest('a token in the address is sent as a bearer, kept for the tab, and taken out of sight', async ({ stub, page }) => {
  stub.requires = 'secret.token';
  const { playback, ...rest } = session('abc');
  stub.sessions.set('abc', { ...rest, playback: { ...playback, token: 'of-the-session' } });
  stub.listed = ['abc'];
  await page.goto(`${stub.url}/?token=secret.token`);
  await page.getByRole('link', { name: /Sunday castle/ }).waitFor();
  assert.equal(page.url(), `${stub.url}/`);
  await page.reload();
  await page.getByRole('link', { name: /Sunday castle/ }).waitFor();
  assert.ok(stub.requests.includes('/api/sessions/active Bearer secret.token -'));
  await waitFor('a picture to be asked for by the session’s token', () => stub.requests.includes('/live/abc/thumb.jpg - of-the-session'));
});

pageTest('nothing sticks out of a screen of 320 px, and everything to tap is 44 px high', async ({ stub, page }) => {
  stub.sessions.set('abc', session('abc', { title: 'Donaudampfschifffahrtsgesellschaftskapitänskajüte'.repeat(3) }));
  stub.listed = ['abc'];
  stub.recordings.set('film', recording('film', { title: 'Donaudampfschifffahrtsgesellschaftskapitänskajüte'.repeat(3) }));
  for (const [address, ready] of [['/', '.card'], ['/watch/nobody', '.notice-way-out:visible'], ['/publish', '.turn-on:visible'], ['/recordings?recording=film', '.download:visible']]) {
    await page.goto(stub.url + address);
    await page.locator(ready).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, address);
    const small = await page.locator('a:visible, button:visible, summary:visible').evaluateAll((found) =>
      found.filter((each) => !each.matches('.skip') && each.getBoundingClientRect().height < 44).map((each) => each.outerHTML));
    assert.deepEqual(small, [], address);
  }
}, { context: { viewport: { width: 320, height: 568 } } });
