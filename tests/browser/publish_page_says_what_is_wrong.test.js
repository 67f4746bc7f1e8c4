// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { pageTest } from './lib/pages.js';

const fakeDevices = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'];
const allowed = { args: fakeDevices, context: { permissions: ['camera', 'microphone'] } };

const state = (page) => page.locator('.state');
const pictureThere = (page) => page.waitForFunction(() => document.querySelector('.preview').videoWidth > 0);

pageTest('whoever allowed the camera sees themselves at once, and needs a key to go live', async ({ stub, page }) => {
  await page.goto(`${stub.url}/publish`);
  await pictureThere(page);
  await state(page).getByText('Now the stream key').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Go live' }).isEnabled(), false);
  await page.getByLabel('Stream key').fill('abc');
  await state(page).getByText('Ready').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Go live' }).isEnabled(), true);
  await page.waitForFunction(() => document.querySelector('.camera-select').value !== '');
}, allowed);

pageTest('a key in the fragment is taken, kept for the tab, and seen by no server', async ({ stub, page }) => {
  await page.goto(`${stub.url}/publish#key=secret234`);
  await pictureThere(page);
  await state(page).getByText('Ready').waitFor();
  assert.equal(page.url(), `${stub.url}/publish`);
  await page.reload();
  await state(page).getByText('Ready').waitFor();
  assert.equal(await page.getByLabel('Stream key').inputValue(), 'secret234');
  assert.ok(!stub.requests.some((line) => line.includes('secret234')));
}, allowed);

pageTest('each refusal is told in words, with the server’s own reason', async ({ stub, page }) => {
  await page.goto(`${stub.url}/publish#key=abc`);
  await pictureThere(page);
  const go = page.getByRole('button', { name: 'Go live' });
  for (const [status, detail, heading] of [
    [401, 'The stream key is unknown or has ended.', 'The stream key is not right'], [403, '', 'This key can no longer go live'],
    [410, '', 'The session is over'], [415, 'Send application/sdp.', 'The server cannot use this picture'],
  ]) {
    stub.refusals = [{ status, detail }];
    await go.click();
    await state(page).getByText(heading).waitFor();
    if (detail) await state(page).getByText(detail).waitFor();
  }
  stub.refusals = [{ status: 409, detail: 'It is in use.' }, { status: 503, headers: { 'Retry-After': '1' } }, { status: 401 }];
  /* One follows the other by itself: a test that only looked now and then might miss one. */
  await page.evaluate(() => {
    const element = document.querySelector('.state');
    window.told = [];
    new MutationObserver(() => window.told.push(element.textContent)).observe(element, { subtree: true, childList: true, characterData: true });
  });
  await go.click();
  const headings = ['This key is live somewhere else', 'The server is full', 'The stream key is not right'];
  await page.waitForFunction((wanted) => {
    const places = wanted.map((heading) => window.told.findIndex((text) => text.includes(heading)));
    return places.every((place, index) => place >= 0 && (index === 0 || place > places[index - 1]));
  }, headings);
  await stub.stop();
  await go.click();
  await state(page).getByText('The server cannot be reached').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await state(page).getByText('Ready').waitFor();
  await stub.start();
}, allowed);

pageTest('a camera that is blocked, and one that is not there, are told apart', async ({ stub, page }) => {
  for (const [name, message, heading] of [
    ['NotAllowedError', 'Permission denied', 'The camera is blocked'], ['NotFoundError', '', 'No camera was found'], ['NotReadableError', '', 'The camera does not answer'],
  ]) {
    await page.addInitScript(([thrown, text]) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException(text, thrown));
    }, [name, message]);
    await page.goto(`${stub.url}/publish`);
    await page.getByRole('button', { name: 'Turn on the camera' }).click();
    await page.locator('.placeholder').getByText(heading).waitFor();
  }
});

pageTest('without a secure address the page says which one it needs', async ({ stub, page }) => {
  await page.goto(`${stub.url.replace('127.0.0.1', 'porthole.test')}/publish`);
  await page.locator('.placeholder').getByText('This page needs a secure address').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Turn on the camera' }).isVisible(), false);
}, { args: ['--host-resolver-rules=MAP porthole.test 127.0.0.1'] });

pageTest('a streamer’s invitation starts a session of its own, or says that it may not', async ({ stub, page }) => {
  stub.requires = 'secret.token';
  await page.goto(`${stub.url}/publish#token=secret.token`);
  await pictureThere(page);
  await page.getByLabel('What is it called?').fill('Castle');
  await state(page).getByText('Ready').waitFor();
  await page.getByRole('button', { name: 'Go live' }).click();
  await state(page).getByText('Your invitation does not let you go live').waitFor();
  await page.getByLabel('Stream key').waitFor();

  stub.started = { sessionId: 'abc', streamKey: 'k', ingest: { whip: { url: `${stub.url}/whip` } }, playback: { page: `${stub.url}/watch/abc`, token: 'viewer.token' }, iceServers: [] };
  stub.refusals = [{ status: 503 }];
  await page.getByRole('button', { name: 'Start a session of my own' }).click();
  await page.getByRole('button', { name: 'Go live' }).click();
  const link = page.locator('.viewers-link');
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), `${stub.url}/watch/abc#token=viewer.token`);
  await state(page).getByText('The server is full').waitFor();
}, allowed);
