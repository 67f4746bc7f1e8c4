// How fast and how dear the archive's way into a bucket is, beside rclone: the same files, server, number at once, and run.
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { S3 } from '../e2e/lib/s3.js';
import { checkBar } from './lib/bar.js';
import { median, printTable } from './lib/table.js';

const rounds = Number(process.argv[2] ?? 5);
const at_once = 8;
const program = path.join(process.env.PH_BENCH_PROGRAMS, 'store_put');
const run = promisify(execFile);

// Two renditions and sound, segments of four seconds; and recordings.
const kinds = {
  segments: { arguments: [], sizes: [...Array(60).fill(2_250_000), ...Array(60).fill(1_250_000), ...Array(60).fill(64_000)] },
  recordings: { arguments: ['composition'], sizes: Array(4).fill(48 * 1024 * 1024) },
};

const folder = fs.mkdtempSync('/dev/shm/ph-uploader-');
const s3 = await S3.start();
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  ...s3.env,
  RCLONE_CONFIG: '/dev/null',
  RCLONE_S3_PROVIDER: 'Ceph',
  RCLONE_S3_ENDPOINT: s3.endpoint,
  RCLONE_S3_ACCESS_KEY_ID: s3.env.AWS_ACCESS_KEY_ID,
  RCLONE_S3_SECRET_ACCESS_KEY: s3.env.AWS_SECRET_ACCESS_KEY,
};

async function clear(prefix) {
  await run('rclone', ['purge', `:s3:porthole/${prefix}`], { env });
}

async function withRclone(kind, source, prefix) {
  const transfers = kind === 'recordings' ? ['--transfers', '4', '--s3-upload-concurrency', '2', '--s3-upload-cutoff', '8M', '--s3-chunk-size', '8M'] : ['--transfers', `${at_once}`];
  const began = process.hrtime.bigint();
  const command = ['rclone', 'copy', source, `:s3:porthole/${prefix}`, '--checkers', `${at_once}`, '--s3-no-check-bucket', '--no-traverse', ...transfers];
  const { stderr } = await run('bash', ['-c', 'TIMEFORMAT="%U %S"; time "$@"', 'bash', ...command], { env });
  const [user, system] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9, cpu: user + system };
}

async function withStore(kind, source, prefix) {
  const began = process.hrtime.bigint();
  const threads = kind === 'recordings' ? 4 : at_once;
  const { stdout } = await run(program, [source, prefix, `${threads}`, ...kinds[kind].arguments], { env });
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9, cpu: JSON.parse(stdout).cpu };
}

try {
  const rows = [];
  for (const [kind, { sizes }] of Object.entries(kinds)) {
    const source = path.join(folder, kind);
    fs.mkdirSync(source);
    sizes.forEach((size, index) => fs.writeFileSync(path.join(source, `${index}.m4s`), crypto.randomBytes(size)));
    const megabytes = sizes.reduce((sum, size) => sum + size) / 1e6;
    const figures = { rclone: [], store: [] };
    for (let round = 0; round < rounds; round++) {
      figures.rclone.push(await withRclone(kind, source, `rclone-${kind}`));
      figures.store.push(await withStore(kind, source, `store-${kind}`));
      await clear(`rclone-${kind}`);
      await clear(`store-${kind}`);
    }
    const rate = (who) => megabytes / median(figures[who].map(({ seconds }) => seconds));
    const cpu = (who) => median(figures[who].map((figure) => figure.cpu)) / (megabytes / 1000);
    rows.push([kind, megabytes, rate('rclone'), rate('store'), (100 * rate('store')) / rate('rclone'), '90', cpu('rclone'), cpu('store')]);
  }
  printTable(
    `into a bucket, median of ${rounds} rounds`,
    ['what', 'MB', 'rclone MB/s', 'store MB/s', 'ratio %', 'bar %', 'rclone CPU s/GB', 'store CPU s/GB'],
    rows,
    { digits: 1 },
  );
  for (const [kind, , , , ratio] of rows) checkBar(`${kind}: MB/s to rclone’s, %`, ratio, { least: 90 });
} finally {
  await s3.close();
  fs.rmSync(folder, { recursive: true, force: true });
}
