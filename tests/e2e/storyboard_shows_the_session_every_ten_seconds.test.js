// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { clockFile, frameNumbers } from './lib/clock_picture.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const interval_s = 10;
const rate = 30;

/** The sheets of a session in the spool, as the index tells them: {first, tiles, width, height, file}. */
function sheetsOf(node, session) {
  const folder = path.join(node.dataDir, 'spool', session.id, 'storyboard');
  if (!fs.existsSync(path.join(folder, 'index'))) return [];
  const sheets = new Map();
  for (const line of fs.readFileSync(path.join(folder, 'index'), 'utf8').split('\n').filter(Boolean)) {
    const [first, tiles, columns, rows, width, height, interval] = line.split(', ').map(Number);
    assert.deepEqual({ columns, rows, width, interval }, { columns: 5, rows: 5, width: 160, interval: interval_s * 1000 });
    sheets.set(first, { first, tiles, width, height, file: path.join(folder, `${first}.jpg`) });
  }
  return [...sheets.values()].sort((a, b) => a.first - b.first);
}

/** The number of the source's frame on each tile. */
async function framesOfTiles(sheets) {
  const frames = new Map();
  for (const { first, tiles, width, height, file } of sheets) {
    for (let i = 0; i < tiles; i++) {
      const crop = `${width}:${height}:${(i % 5) * width}:${Math.floor(i / 5) * height}`;
      const [number] = await frameNumbers(file, { crop });
      frames.set(first + i, number);
    }
  }
  return frames;
}

/** The number of the source's frame that viewers see at a session's time. */
async function frameShownAt(stage, session, track, time_s) {
  const segment = Math.floor(time_s / 2);
  const numbers = await frameNumbers(await stage.download(session, track, segment, segment));
  return numbers[Math.round((time_s - segment * 2) * rate)];
}

scenario('a storyboard: every ten seconds the picture that viewers see then, from whichever worker', async (stage) => {
  const { node, session } = await stage.live({ file: await clockFile({ seconds: 120 }) });
  const total = () => sheetsOf(node, session).reduce((sum, sheet) => sum + sheet.tiles, 0);
  await waitFor('two tiles', () => total() >= 2, { within: 60_000 });
  await session.segments('v360', 1);
  const [worker] = node.workers();
  process.kill(worker.pid, 'SIGKILL');
  await waitFor('tiles of the next worker', () => total() >= 4, { within: 90_000 });
  await session.segments('v360', 2);

  const sheets = sheetsOf(node, session);
  assert.ok(sheets.length >= 2, 'the worker that took over began a sheet of its own');
  assert.equal(sheets[0].height, 90);
  const frames = await framesOfTiles(sheets);
  for (const [tile, number] of frames) {
    const expected = frames.get(1) + (tile - 1) * interval_s * rate;
    if (tile > 0) assert.ok(Math.abs(number - expected) <= 1, `tile ${tile} shows frame ${number} instead of ${expected}`);
  }
  const newest = Math.max(...frames.keys());
  const shown = await frameShownAt(stage, session, 'v360', newest * interval_s);
  assert.ok(Math.abs(frames.get(newest) - shown) <= 1, `tile ${newest}: frame ${frames.get(newest)}, viewers see ${shown} then`);
  assert.deepEqual([...frames.keys()], [...frames.keys()].map((_, i) => i), 'no tile is missing or twice');

  await stage.end(session);
}, { within: 90_000 });
