// Last frame of a part sent over SRT → that part fetched whole, less the SRT latency that was asked for.
//
// A publisher of our own (paced_publisher.c) says when it sent each frame; for each track a viewer holds a GET on every
// part that comes, as a player does, and notes when its last byte is in. The session's clock starts when the publisher
// connects, so the first frame's slot follows from the playlist's wall-clock; the others follow it one by one.
import path from 'node:path';
import { Child } from '../e2e/lib/child.js';
import { request } from '../e2e/lib/http.js';
import { mediaFile, repository, sourceArguments } from '../e2e/lib/media.js';
import { Stage } from '../e2e/lib/stage.js';
import { checkBar } from './lib/bar.js';
import { printTable, quantile } from './lib/table.js';

const srt_latency_ms = 120;
const framesPerPart = 6;
const partsPerSegment = 10;
const publisherProgram = path.join(process.env.PH_BENCH_PROGRAMS ?? path.join(repository, 'build/bench/tests/bench'), 'paced_publisher');

const utcMs = () => performance.timeOrigin + performance.now();

/** Notes when each part of a track is in, until `until` (ms). */
async function followParts(session, track, until, arrivals) {
  let segment = 0;
  let part = 0;
  while (utcMs() < until) {
    const answer = await request(`${session.live}/${track}/${segment}.${part}.m4s`, { timeout: 8_000 });
    if (answer.status === 200) {
      arrivals.push({ frame: (segment * partsPerSegment + part + 1) * framesPerPart - 1, at: utcMs(), bytes: answer.body.length });
      part += 1;
      if (part === partsPerSegment) [segment, part] = [segment + 1, 0];
    } else if (answer.status !== 404) {
      throw new Error(`${track} ${segment}.${part}: ${answer.status} ${answer.text}`);
    }
  }
}

async function measure({ picture, bitrate, seconds }) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' } });
    const session = await stage.session(node);
    const file = await mediaFile('ts', [
      ...sourceArguments({ picture, size: '1920x1080', bitrate, seconds, keyframe_s: 2 }), '-muxdelay', '0', '-muxpreload', '0',
    ]);
    const publisher = new Child(publisherProgram, ['127.0.0.1', String(node.srtPort), session.key, String(srt_latency_ms), file]);
    stage.children.push(publisher);
    await session.multivariant();
    const epoch = (await session.playlist('v1080')).segments[0]?.time ?? (await session.segments('v1080', 1)).segments[0].time;
    const until = utcMs() + (seconds - 3) * 1000;
    const arrivals = { v1080: [], v720: [] };
    await Promise.all(Object.entries(arrivals).map(([track, list]) => followParts(session, track, until, list)));
    const sent = new Map(publisher.stdout.toString().trim().split('\n').map((line) => line.split(' ').map(Number)));
    const firstSlot = Math.round(((sent.get(0) / 1000 + srt_latency_ms - epoch) * 30) / 1000);
    return Object.entries(arrivals).map(([track, list]) => {
      const steady = list.slice(10).filter((one) => sent.has(one.frame - firstSlot));
      const delays = steady.map((one) => one.at - sent.get(one.frame - firstSlot) / 1000 - srt_latency_ms);
      return [picture, track, delays.length, quantile(delays, 0.5), quantile(delays, 0.95), quantile(delays, 1)];
    });
  } finally {
    await stage.close();
  }
}

const seconds = Number(process.argv[2] ?? 30);
const rows = [];
for (const [picture, bitrate] of [['test', '6M'], ['motion', '8M']]) rows.push(...(await measure({ picture, bitrate, seconds })));
printTable('part latency beyond SRT latency, ms (bar: p95 ≤ 100; aim 50)', ['source', 'track', 'parts', 'p50', 'p95', 'max'], rows, { digits: 1 });
for (const [picture, track, , , p95] of rows) checkBar(`${picture}, ${track}: p95 of part latency, ms`, p95, { most: 100 });
