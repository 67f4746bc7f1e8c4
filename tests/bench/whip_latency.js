// A frame leaves Chromium's encoder → its part is fetched whole.
//
// The publish page gets a canvas for a camera. Every picture carries the time at which it was drawn; a transform behind the
// encoder notes when the encoded frame of each RTP timestamp came out; a viewer holds a GET on every part. What a part shows is
// read back from its pictures, and leads to when those left the encoder. 720p30, since Chromium encodes on the same two cores.
import fs from 'node:fs';
import path from 'node:path';
import { goLive, openPublishingChromium, openPublishPage } from '../browser/lib/publishing.js';
import { run } from '../e2e/lib/child.js';
import { fetchWhole, request } from '../e2e/lib/http.js';
import { Stage } from '../e2e/lib/stage.js';
import { checkBar } from './lib/bar.js';
import { printTable, quantile } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 20);
const pictureBytes = 240 * 135;
const framesPerPart = 6;
const partMs = (framesPerPart * 1000) / 30;
const partsPerSegment = 10;
const utcMs = () => performance.timeOrigin + performance.now();

/** In the page, before its own scripts: a canvas as camera, and an ear behind the encoder. */
function wireCanvas() {
  window.drawn = [];
  window.encoded = [];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280, 720];
  const context = canvas.getContext('2d');
  const draw = (track) => {
    const ms = Math.round(performance.timeOrigin + performance.now());
    for (let band = 0; band < 12; band++) {
      context.fillStyle = `hsl(${(ms / 10 + band * 30) % 360} 70% ${35 + ((ms / 33 + band * 7) % 30)}%)`;
      context.fillRect(0, 60 + band * 55, 1280, 55);
      context.fillStyle = '#fff';
      context.fillRect((ms / (2 + band) + band * 100) % 1280, 70 + band * 55, 90, 35);
    }
    let sum = 0n;
    const value = BigInt(ms);
    for (let digit = 0n; digit < 11n; digit++) sum += (value >> (4n * digit)) & 15n;
    const code = (value << 4n) | (sum & 15n);
    for (let bit = 0; bit < 48; bit++) {
      context.fillStyle = (code >> BigInt(47 - bit)) & 1n ? '#fff' : '#000';
      context.fillRect(((bit % 24) * 1280) / 24, Math.floor(bit / 24) * 27, 1280 / 24 + 1, 27);
    }
    window.drawn.push(ms);
    track.requestFrame();
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const video = canvas.captureStream(0).getVideoTracks()[0];
    const sound = new AudioContext();
    const tone = sound.createOscillator();
    const out = sound.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    draw(video);
    /* One pause, longer than any other: by it drawn and encoded pictures find together. */
    window.startDrawing = () => {
      [window.drawn, window.encoded] = [[], []];
      let timer = setInterval(() => draw(video), 1000 / 30);
      setTimeout(() => clearInterval(timer), 1500);
      setTimeout(() => { timer = setInterval(() => draw(video), 1000 / 30); }, 2500);
    };
    return new MediaStream([video, ...out.stream.getAudioTracks()]);
  };
  const worker = new Worker(URL.createObjectURL(new Blob([`onrtctransform = async ({ transformer: { readable, writable } }) => {
    await readable.pipeThrough(new TransformStream({ transform(frame, out) {
      postMessage({ rtp: frame.getMetadata().rtpTimestamp ?? frame.timestamp, at: performance.timeOrigin + performance.now() });
      out.enqueue(frame);
    } })).pipeTo(writable);
  };`])));
  worker.onmessage = ({ data }) => window.encoded.push(data);
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function addTransceiver(track, ...rest) {
    const transceiver = add.call(this, track, ...rest);
    if (transceiver.sender.track?.kind === 'video') transceiver.sender.transform = new RTCRtpScriptTransform(worker, {});
    return transceiver;
  };
}

/** The index behind the longest pause. */
const behindPause = (times) => times.reduce((best, time, index) => (index > 0 && time - times[index - 1] > times[best] - times[best - 1] ? index : best), 1);

/** drawn time (ms) → when that picture's encoded frame came out. */
function pair(drawn, encoded) {
  const times = encoded.map(({ rtp }) => ((rtp - encoded[0].rtp) >>> 0) / 90);
  const shift = drawn[behindPause(drawn)] - times[behindPause(times)];
  const out = new Map();
  encoded.forEach(({ at }, index) => {
    const nearest = drawn.reduce((best, one) => (Math.abs(one - times[index] - shift) < Math.abs(best - times[index] - shift) ? one : best), Infinity);
    if (Math.abs(nearest - times[index] - shift) < 17) out.set(nearest, at);
  });
  return out;
}

/** The times drawn into the pictures of whole segments: a list for each part. */
async function readTimes(stage, init, parts) {
  const file = path.join(stage.folder, 'parts.mp4');
  fs.writeFileSync(file, Buffer.concat([init, ...parts.map(({ body }) => body)]));
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-vf', 'scale=240:135,format=gray', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'], { keep_bytes: Infinity });
  const times = parts.map(() => []);
  for (let frame = 0; (frame + 1) * pictureBytes <= stdout.length; frame++) {
    let value = 0n;
    for (let bit = 0; bit < 48; bit++)
      value = (value << 1n) | (stdout[frame * pictureBytes + (Math.floor(bit / 24) * 5 + 2) * 240 + (bit % 24) * 10 + 5] > 127 ? 1n : 0n);
    times[Math.floor(frame / framesPerPart)].push(Number(value >> 4n));
  }
  return times;
}

async function followParts(session, until) {
  const parts = [];
  let [msn, part] = [(await session.playlist('v720')).parts.at(-1).msn + 1, 0];
  while (utcMs() < until) {
    const answer = await request(`${session.live}/v720/${msn}.${part}.m4s`, { timeout: 8_000 });
    if (answer.status === 200) parts.push({ at: utcMs(), body: answer.body });
    else if (answer.status !== 404) throw new Error(`${msn}.${part}: ${answer.status} ${answer.text}`);
    part += answer.status === 200;
    if (part === partsPerSegment) [msn, part] = [msn + 1, 0];
  }
  return parts;
}

const stage = new Stage();
try {
  const node = await stage.node({ env: { PORTHOLE_LADDER: '720p30@2500k' } });
  const session = await stage.session(node);
  const browser = await openPublishingChromium(stage);
  const page = await openPublishPage(browser, node, session, { prepare: wireCanvas });
  await goLive(page);
  await page.evaluate(() => window.startDrawing());
  await page.waitForFunction(() => window.drawn.length > 70);
  await session.multivariant();
  await session.segments('v720', 2);
  const parts = await followParts(session, utcMs() + seconds * 1000);
  const { drawn, encoded } = await page.evaluate(() => ({ drawn: window.drawn, encoded: window.encoded }));
  const out = pair(drawn, encoded);
  const init = (await fetchWhole(`${session.live}/v720/init.mp4`)).body;
  const times = await readTimes(stage, init, parts);
  /* A repeated picture left the encoder once: it counts in the part that showed it first. */
  const seen = new Set();
  const delays = parts.map(({ at }, index) => {
    const fresh = [...new Set(times[index])].filter((time) => out.has(time) && !seen.has(time));
    for (const time of fresh) seen.add(time);
    return fresh.map((time) => at - out.get(time));
  });
  const all = delays.flat();
  const last = delays.filter((list) => list.length > 0).map((list) => Math.min(...list));
  const row = (what, list) => [what, list.length, quantile(list, 0.5), quantile(list, 0.95), quantile(list, 1)];
  const rows = [row('every frame', all), row('the last of each part', last)];
  printTable(`frame leaves Chromium’s encoder → its part is fetched, ms; a part lasts ${partMs}`, ['frames', 'count', 'p50', 'p95', 'max'], rows, { digits: 1 });
  checkBar('every frame: p95 ms', rows[0][3], { most: partMs + 150 });
  checkBar('the last of each part: p95 ms', rows[1][3], { most: 150 });
} finally {
  await stage.close();
}
