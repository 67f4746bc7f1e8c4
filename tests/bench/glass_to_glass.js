// Glass to glass: a picture that carries its time, over SRT, through the node, shown by hls.js in Chromium.
//
// clock_picture draws the time, ffmpeg encodes and sends, the watch page plays, and a script in the page reads the time
// back from every picture it shows. Also printed: how long after opening the page the first picture was there, and what
// the delay is made of.
import path from 'node:path';
import { spawn } from 'node:child_process';
import { chromium } from 'playwright-core';
import { repository, srtUrl } from '../e2e/lib/media.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { printTable, quantile } from './lib/table.js';

const clockPicture = path.join(process.env.PH_BENCH_PROGRAMS ?? path.join(repository, 'build/bench/tests/bench'), 'clock_picture');
const seconds = Number(process.argv[2] ?? 30);

/** In the page: notes {shown, made, date} for every picture presented; all in UTC ms. */
function readPictures() {
  const samples = (window.glassSamples = []);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [240, 135];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const decode = () => {
    context.drawImage(window.porthole.video, 0, 0, 240, 135);
    const { data } = context.getImageData(0, 0, 240, 10);
    let value = 0n;
    for (let bit = 0; bit < 48; bit++) {
      const [x, y] = [(bit % 24) * 10 + 5, Math.floor(bit / 24) * 5 + 2];
      value = (value << 1n) | (data[(y * 240 + x) * 4] > 127 ? 1n : 0n);
    }
    const ms = value >> 4n;
    let sum = 0n;
    for (let digit = 0n; digit < 11n; digit++) sum += (ms >> (4n * digit)) & 15n;
    return (sum & 15n) === (value & 15n) ? Number(ms) : undefined;
  };
  const note = (now) => {
    const { video, hls } = window.porthole;
    const shown = performance.timeOrigin + now;
    const made = decode();
    if (made) samples.push({ shown, made, date: hls?.playingDate?.getTime(), waited: hls?.targetLatency });
    video.requestVideoFrameCallback(note);
  };
  const start = () => {
    const video = window.porthole?.video;
    if (!video) return setTimeout(start, 20);
    video.requestVideoFrameCallback((now, frame) => {
      window.firstPictureAt = performance.now();
      note(now, frame);
    });
  };
  start();
}

const stage = new Stage();
let browser;
try {
  const node = await stage.node({ env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' } });
  const session = await stage.session(node);
  const pictures = spawn(clockPicture, ['1920', '1080', '30', String(seconds + 30)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const encoder = spawn('ffmpeg', [
    '-nostdin', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', '1920x1080', '-r', '30', '-i', 'pipe:3',
    '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency',
    '-b:v', '6M', '-maxrate', '6M', '-bufsize', '3M', '-g', '60', '-c:a', 'aac', '-f', 'mpegts', '-muxdelay', '0',
    '-muxpreload', '0', '-flush_packets', '1', srtUrl(node.srtPort, session.key),
  ], { stdio: ['ignore', 'ignore', 'inherit', pictures.stdout] });
  stage.after(() => { pictures.kill('SIGKILL'); encoder.kill('SIGKILL'); });
  await session.multivariant();
  await session.segments('v1080', 2);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--autoplay-policy=no-user-gesture-required'],
  });
  const page = await browser.newPage({ viewport: { width: 960, height: 600 } });
  await page.addInitScript(readPictures);
  await page.goto(`${node.url}/watch/${session.id}`);
  await waitFor('the first picture', () => page.evaluate(() => window.firstPictureAt), { within: 20_000 });
  const first = await page.evaluate(() => window.firstPictureAt);
  await page.waitForTimeout(seconds * 1000);
  const samples = (await page.evaluate(() => window.glassSamples)).filter((one) => one.shown > 0);
  const settled = samples.filter((one) => one.shown > samples[0].shown + 5_000);
  const rows = [
    ['picture made → shown', settled.map((one) => one.shown - one.made)],
    ['  made → its time on the session (encode, SRT 120 ms, ingest)', settled.filter((one) => one.date).map((one) => one.date - one.made)],
    ['  its time on the session → shown (worker, part, hold-back, decode)', settled.filter((one) => one.date).map((one) => one.shown - one.date)],
    ['    of that the hold-back the player keeps', settled.filter((one) => one.waited).map((one) => one.waited * 1000)],
  ].map(([name, values]) => [name, values.length, quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1)]);
  const metrics = await node.metrics();
  const sum = metrics.find((one) => one.name === 'porthole_part_latency_seconds_sum')?.value ?? NaN;
  const count = metrics.find((one) => one.name === 'porthole_part_latency_seconds_count')?.value ?? NaN;
  rows.push(['    of that ingest → part servable, newest frame of the part (mean)', count, (sum / count) * 1000, NaN, NaN]);
  printTable('glass to glass, ms (bar: p95 ≤ 1500; aim 1000)', ['stage', 'pictures', 'p50', 'p95', 'max'], rows, { digits: 0 });
  printTable('first picture after opening a live session, ms (bar: ≤ 2000)', ['figure', 'ms'], [['first picture', first]], { digits: 0 });
  checkBar('glass to glass, p95 ms', rows[0][3], { most: 1500 });
  checkBar('first picture, ms', first, { most: 2000 });
} finally {
  await browser?.close();
  await stage.close();
}
