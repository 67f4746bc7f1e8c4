// The origin under many viewers: playlist and part requests a second beside nginx's static files, in turns in one run; and how soon
// held requests are answered once their part is there.
import fs from 'node:fs';
import path from 'node:path';
import { Child, run } from '../e2e/lib/child.js';
import { FakePublisher } from '../e2e/lib/fake_publisher.js';
import { fetchWhole } from '../e2e/lib/http.js';
import { repository } from '../e2e/lib/media.js';
import { parsePlaylist } from '../e2e/lib/playlist.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { startNginx } from './lib/nginx.js';
import { median, printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 5);
const rounds = Number(process.argv[3] ?? 3);
const programs = process.env.PH_BENCH_PROGRAMS ?? path.join(repository, 'build/bench/tests/bench');
const session = 'b'.repeat(22);
const secret = 'a-secret-of-the-benches-own-32-characters';
const utcUs = () => Math.round((performance.timeOrigin + performance.now()) * 1_000);

/** Requests a second as wrk counts them; every answer has to be good. */
async function requestsPerSecond(url) {
  const said = (await run('wrk', ['-t2', '-c64', `-d${seconds}s`, url])).stdout.toString();
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(`${url}: ${said}`);
  return Number(/Requests\/sec: +(\S+)/.exec(said)[1]);
}

/** Sends the next part of every track while `count` viewers wait for it; ms from the PUT to their answers. */
async function release(node, publisher, number, count) {
  const [msn, part] = [Math.floor(number / publisher.partsPerSegment), number % publisher.partsPerSegment];
  const query = `/live/${session}/v1080/index.m3u8?_HLS_msn=${msn}&_HLS_part=${part}`;
  const viewers = new Child(path.join(programs, 'held_requests'), [String(node.httpPort), query, String(count)]);
  await waitFor('all viewers to wait', () => viewers.stdout.includes('waiting'), { within: 30_000, every: 5 });
  await waitFor('all requests to be held', async () => ((await node.metric('porthole_http_held_requests')) ?? 0) >= count, { within: 30_000 });
  const putAt = utcUs();
  await publisher.send(publisher.tracks[0], number);
  const { code } = await viewers.ended(60_000);
  if (code !== 0) throw new Error(viewers.stderr);
  const [first, middle, p99, last, refused] = viewers.stdout.toString().split('\n')[1].split(' ').map(Number);
  for (const track of publisher.tracks.slice(1)) await publisher.send(track, number);
  return { first: (first - putAt) / 1_000, middle: (middle - putAt) / 1_000, p99: (p99 - putAt) / 1_000, last: (last - putAt) / 1_000, refused };
}

const stage = new Stage();
try {
  const node = await stage.node({ roles: 'origin', env: { PORTHOLE_CLUSTER_SECRET: secret } });
  const publisher = new FakePublisher({
    origin: node.url, session, secret,
    videos: [{ name: 'v1080', width: 1920, height: 1080, kbits: 6_800 }, { name: 'v720', width: 1280, height: 720, kbits: 2_500 }],
  });
  await publisher.announce();
  let number = 0;
  for (; number < 7 * publisher.partsPerSegment + 3; number++) for (const track of publisher.tracks) await publisher.send(track, number);

  const live = `${node.url}/live/${session}/v1080`;
  const playlist = await fetchWhole(`${live}/index.m3u8`);
  const newest = parsePlaylist(playlist.text).parts.at(-1);
  const part = await fetchWhole(`${live}/${newest.uri}`);
  const folder = stage.dataDir('static');
  fs.chmodSync(folder, 0o755);
  fs.writeFileSync(path.join(folder, 'index.m3u8'), playlist.body);
  fs.writeFileSync(path.join(folder, 'part.m4s'), part.body);
  const nginx = await startNginx(stage, folder);
  const rows = [];
  for (const [what, ours, theirs] of [
    [`playlist, ${playlist.body.length} bytes`, `${live}/index.m3u8`, `${nginx}/index.m3u8`],
    [`part, ${part.body.length} bytes`, `${live}/${newest.uri}`, `${nginx}/part.m4s`],
  ]) {
    const figures = { ours: [], theirs: [] };
    for (let round = 0; round < rounds; round++) {
      figures.theirs.push(await requestsPerSecond(theirs));
      figures.ours.push(await requestsPerSecond(ours));
    }
    rows.push([what, median(figures.ours), median(figures.theirs), (median(figures.ours) / median(figures.theirs)).toFixed(2)]);
  }
  printTable('requests a second by wrk, 64 connections (bar: ratio ≥ 1.0; aim 1.2)', ['what', 'porthole', 'nginx', 'ratio'], rows, { digits: 0 });
  for (const [what, , , ratio] of rows) checkBar(`${what}: requests a second to nginx’s`, Number(ratio), { least: 1 });

  const held = [];
  for (const count of [1_000, 5_000]) {
    const figures = [];
    for (let round = 0; round < 5; round++) figures.push(await release(node, publisher, number++, count));
    const of = (name) => median(figures.map((one) => one[name]));
    held.push([count, of('first'), of('middle'), of('p99'), of('last'), Math.max(...figures.map((one) => one.refused))]);
  }
  printTable('held requests answered, ms after the part was sent to the origin, medians of 5 (bar: 5,000: p99 ≤ 150; aim 50)',
    ['held', 'first', 'p50', 'p99', 'last', 'refused'], held, { digits: 1 });
  checkBar('5,000 held requests, p99 ms', held.at(-1)[3], { most: 150 });
  publisher.close();
} finally {
  await stage.close();
}
