// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { pageTest } from './lib/pages.js';
import { recording } from './lib/stub_server.js';

const claims = (fields) => `x.${Buffer.from(JSON.stringify(fields)).toString('base64url')}.x`;
const anna = claims({ sub: 'anna', role: 'streamer' });
const mum = claims({ sub: 'mum', role: 'viewer' });

pageTest('each state has its badge and words, and offers what can be done', async ({ stub, page }) => {
  stub.recordings.set('live', recording('live', { title: 'Now', state: 'recording', durationMs: null, bytes: null }));
  stub.recordings.set('made', recording('made', { title: 'Then', state: 'processing', bytes: null }));
  stub.recordings.set('bad', recording('bad', { title: 'Film', kind: 'upload', state: 'failed', reason: 'The file ends in the middle.', bytes: null }));
  await page.goto(`${stub.url}/recordings#token=${anna}`);
  const badge = (title) => page.getByRole('link', { name: title }).locator('.badge').textContent();
  await page.getByRole('link', { name: 'Now' }).waitFor();
  assert.deepEqual([await badge('Now'), await badge('Then'), await badge('Film')], ['Recording', 'Being made', 'Failed']);

  await page.getByRole('link', { name: 'Now' }).click();
  await page.getByRole('link', { name: 'Watch it live' }).waitFor();
  assert.equal(await page.locator('.download').isVisible(), false);
  await page.goBack();
  await page.locator('.theatre').waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'Film' }).press('Enter');
  await page.getByText('The file ends in the middle.').waitFor();
  await page.getByRole('button', { name: 'Delete' }).waitFor();
});

pageTest('what lies in the deep archive is brought back, and says how long that takes', async ({ stub, page }) => {
  stub.recordings.set('old', recording('old', { storage: 'archived' }));
  await page.goto(`${stub.url}/recordings?recording=old#token=${mum}`);
  await page.getByText('Bringing it back takes up to two days.').waitFor();
  assert.equal(await page.locator('.download').isVisible(), false);
  await page.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('It is on its way back.').waitFor();
  await page.locator('.notice').getByText('On its way back').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Restore' }).isVisible(), false);
  assert.equal(await page.getByRole('button', { name: 'Delete' }).isVisible(), false, 'whose it is not may not delete it');
});

pageTest('a server that is away is named, the list stays, and the page finds back by itself', async ({ stub, page }) => {
  stub.recordings.set('film', recording('film'));
  await page.goto(`${stub.url}/recordings#token=${mum}`);
  const card = page.getByRole('link', { name: 'Sunday castle' });
  await card.waitFor();
  await stub.stop();
  await page.getByText('Porthole cannot be reached').waitFor();
  assert.ok(await card.isVisible());
  await stub.start();
  await page.getByText('Porthole cannot be reached').waitFor({ state: 'hidden' });
});
