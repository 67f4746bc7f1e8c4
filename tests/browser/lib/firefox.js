// Debian's Firefox, driven by puppeteer-core over WebDriver BiDi.
import fs from 'node:fs';
import os from 'node:os';
import puppeteer from 'puppeteer-core';

const paths = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'];

/* Its own pictures and sound for camera and microphone, allowed without a question. */
const publishing = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};
/* What a browser asks of the world when it starts, and a codec that would be downloaded. */
const quiet = {
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'media.autoplay.default': 0,
};

/** The address of this machine that a node's WebRTC has to listen on: Firefox gathers no candidate of the loopback interface,
 * and pairs loopback with loopback only. What is sent there does not leave the machine. */
export function ownAddress() {
  const own = Object.values(os.networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!own) throw new Error('this machine has no IPv4 address beside the loopback: Firefox cannot reach a node on it');
  return own.address;
}

/** A Firefox that ends with the stage; its camera is a picture of its own that changes, its microphone a tone. */
export async function openFirefox(stage) {
  const executablePath = paths.find((path) => path && fs.existsSync(path));
  if (!executablePath) throw new Error('no Firefox found: run scripts/setup --tests, or set FIREFOX to its path');
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath, headless: true, timeout: 120_000, extraPrefsFirefox: { ...quiet, ...publishing },
    defaultViewport: { width: 1100, height: 800 },
  });
  stage.viewer(() => browser.close());
  return browser;
}

/** A page in it; what its scripts threw is in `problems`. */
export async function openFirefoxPage(browser, url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  await page.goto(url);
  return page;
}
