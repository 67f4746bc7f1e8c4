// The end of a session: how long it takes until its MP4 is in the store, however long the session was.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { checkBar } from './lib/bar.js';
import { printTable } from './lib/table.js';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const program = path.join(process.env.PH_BENCH_PROGRAMS, 'bench_recording');
const s3 = path.join(root, 'scripts/lib/s3.sh');
const lengths_min = [1, 60, 360];

/** Samples that a demuxer finds in the file, by its tables. */
function samplesIn(file, kind) {
  return Number(execFileSync('ffprobe', ['-v', 'quiet', '-fflags', 'noparse', '-select_streams', kind, '-count_packets',
    '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', file],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
}

function record(url, folder, minutes, environment = {}) {
  const spool = fs.mkdtempSync(path.join(folder, 'spool-'));
  return JSON.parse(execFileSync(program, [url, spool, String(minutes)], { encoding: 'utf8', env: { ...process.env, ...environment } }));
}

const rows = [];
const note = (store, minutes, one) => rows.push([store, minutes, one.finishMs / 1000, one.feedMs / 1000, one.bytes / 1e6, one.memoryMb]);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ph-rec-'));
const bucket = fs.mkdtempSync(path.join(os.tmpdir(), 'ph-s3-'));
try {
  for (const minutes of lengths_min) {
    const archive = fs.mkdtempSync(path.join(folder, 'archive-'));
    const one = record(`file:${archive}`, folder, minutes);
    const file = path.join(archive, 'recordings/bench/recording.mp4');
    if (samplesIn(file, 'v') !== one.video || samplesIn(file, 'a') !== one.audio) throw new Error(`${file}: samples are missing`);
    note('folder', minutes, one);
  }
  execFileSync(s3, ['start', bucket], { stdio: ['ignore', 'ignore', 'inherit'] });
  const read = (name) => fs.readFileSync(path.join(bucket, name), 'utf8').trim();
  for (const minutes of lengths_min)
    note('bucket', minutes, record(read('url'), folder, minutes, { AWS_ACCESS_KEY_ID: read('access-key'), AWS_SECRET_ACCESS_KEY: read('secret-key') }));
  printTable('end of a session → its MP4 is in the store (bar: ≤ 2 s, whatever the length)',
    ['store', 'minutes', 'finish, s', 'feeding all, s', 'MP4, MB', 'most memory, MiB'], rows, { digits: 3 });
  for (const [store, minutes, finish] of rows) checkBar(`${minutes} minutes in a ${store}: finished after s`, finish, { most: 2 });
} finally {
  if (fs.existsSync(path.join(bucket, 'url'))) execFileSync(s3, ['stop', bucket], { stdio: 'inherit' });
  fs.rmSync(bucket, { recursive: true, force: true });
  fs.rmSync(folder, { recursive: true, force: true });
}
