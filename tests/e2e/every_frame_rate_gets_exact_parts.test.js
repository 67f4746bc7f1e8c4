import assert from 'node:assert/strict';
import { countFrames, frameTimes } from './lib/frames.js';
import { sourceFile } from './lib/media.js';
import { scenario } from './lib/stage.js';

const ladder = '240p60@400k';
const small = { size: '426x240', bitrate: '500k' };
const irregular = {
  ...small,
  video: ['-vf', 'select=gt(random(1)\\,0.45)', '-fps_mode', 'vfr', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30'],
};
const withBFrames = { ...small, video: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '60', '-b:v', '500k'] };

const sources = [
  { name: '24 frames a second', source: { ...small, rate: '24' }, grid: 24 },
  { name: '25 frames a second', source: { ...small, rate: '25' }, grid: 25 },
  { name: '29.97 frames a second', source: { ...small, rate: '30000/1001', keyframe_s: 1 }, grid: 29.97 },
  { name: '50 frames a second', source: { ...small, rate: '50' }, grid: 50 },
  { name: '59.94 frames a second', source: { ...small, rate: '60000/1001' }, grid: 59.94 },
  { name: '60 frames a second', source: { ...small, rate: '60' }, grid: 60 },
  { name: '16 frames a second', source: { ...small, rate: '16' }, grid: 30 },
  { name: 'an irregular rate', source: irregular, grid: 30 },
  { name: 'B-frames', source: withBFrames, grid: 30 },
];

/** Two segments during which none of these happened to the session's frames: a worker that is late at first leaves pictures out. */
async function twoSegmentsWithout(kinds, node, session) {
  const happened = () => Promise.all(kinds.map((kind) => node.metric(`porthole_worker_frames_${kind}`, { session: session.id })));
  for (;;) {
    const before = await happened();
    const { segments } = await session.segments('v240', 4);
    if (`${await happened()}` === `${before}`) return segments.slice(-3, -1).map(({ msn }) => msn);
  }
}

async function check(stage, node, { name, source, grid }) {
  const session = await stage.session(node, { sub: name.replaceAll(' ', '-') });
  await stage.publish(session, node.srtPort, { source });
  const { variants } = await session.multivariant();
  assert.ok(Math.abs(variants[0].frameRate - grid) < 0.01, `${name}: FRAME-RATE ${variants[0].frameRate}, not ${grid}`);
  // Three sessions share the machine, and an irregular source is late by itself.
  const rules = stage.rules(session);
  const isSteady = grid === Number.parseFloat(name);
  const [from, to] = await twoSegmentsWithout(isSteady ? ['dropped', 'repeated'] : ['dropped'], node, session);
  const file = await stage.download(session, 'v240', from, to);
  const times = await frameTimes(file);
  for (let i = 1; i < times.length; i++) {
    assert.ok(Math.abs(times[i] - times[i - 1] - 1 / grid) < 2e-4, `${name}: a frame at ${times[i]} after ${times[i - 1]}`);
  }
  if (isSteady) {
    const picture = await countFrames(file);
    assert.ok(picture.moving >= picture.all - 2, `${name}: ${picture.all - picture.moving} of ${picture.all} frames stand still`);
  }
  await rules.hold(name);
  await stage.end(session);
}

for (let i = 0; i < sources.length; i += 3) {
  const three = sources.slice(i, i + 3);
  scenario(`parts are exact for ${three.map((one) => one.name).join(', ')}`, async (stage) => {
    await Promise.all(three.map((one) => sourceFile(one.source)));
    const node = await stage.node({ env: { PORTHOLE_LADDER: ladder, PORTHOLE_MOST_SESSIONS: '8' } });
    await Promise.all(three.map((one) => check(stage, node, one)));
  });
}
