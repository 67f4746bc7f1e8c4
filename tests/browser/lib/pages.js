// A browser on the built pages before a stub of the server.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openChromium } from './chromium.js';
import { Broadcast, record } from './recorded_hls.js';
import { StubServer } from './stub_server.js';

let folder;

/** Encodes a recording once for all tests of the file. */
export function withRecording(seconds) {
  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'porthole-pages-'));
    await record(folder, seconds);
  });
  after(() => fs.rm(folder, { recursive: true, force: true }));
}

/** A broadcast that began some seconds ago. */
export function broadcast(secondsAgo = 8) {
  return new Broadcast(folder, Date.now() - secondsAgo * 1000);
}

/** A test with a server and a browser of its own. Script errors and breaches of the page's policy fail it. */
export function pageTest(name, body, { args, context } = {}) {
  test(name, { timeout: 180_000 }, async () => {
    const stub = new StubServer();
    const closings = [];
    const problems = [];
    await stub.start();
    try {
      const browser = await openChromium({ viewer: (close) => closings.push(close) }, args);
      const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context })).newPage();
      page.setDefaultTimeout(45_000);
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (/Content Security Policy|Content-Security-Policy/.test(message.text())) problems.push(message.text());
      });
      await body({ stub, page });
      assert.deepEqual(problems, []);
    } finally {
      for (const close of closings) await close();
      await stub.stop();
    }
  });
}

/** Waits until as many more frames were shown. */
export async function framesAdvance(page, more = 15) {
  const frames = () => page.evaluate(() => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames);
  const from = await frames();
  await page.waitForFunction((least) => window.porthole.video.getVideoPlaybackQuality().totalVideoFrames >= least, from + more);
}
