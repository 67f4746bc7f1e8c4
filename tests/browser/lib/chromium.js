// Debian's Chromium, driven by playwright-core.
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const paths = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A request that a test answers in the server's place may be under way: it ends with its page, and no error is left behind. */
const unanswered = (page) => page.unrouteAll({ behavior: 'ignoreErrors' });

/** A browser that ends with the stage. */
export async function openChromium(stage, args = []) {
  const executablePath = paths.find((path) => path && fs.existsSync(path));
  if (!executablePath) throw new Error('no Chromium found: run scripts/setup --tests, or set CHROMIUM to its path');
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--autoplay-policy=no-user-gesture-required', ...args,
    ],
  });
  stage.viewer(async () => {
    for (const page of browser.contexts().flatMap((context) => context.pages())) await unanswered(page);
    await browser.close();
  });
  return browser;
}

/** Before its browser. */
export async function closePage(page) {
  await unanswered(page);
  await page.close();
}
