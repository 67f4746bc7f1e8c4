// From the end of a session to its recording: when the VOD plays and the MP4 downloads, after a minute and after hours.
//
//   node tests/bench/recording_end.js [seconds of the real session] [hours of the simulated one] [folder | s3]
//
// The short session is real: SRT in, the whole ladder out, the API asked. The long one is published segment after segment as
// fast as the origin takes them, with pictures that are small, so that what grows with the length (tables, manifest, index,
// objects) is as large as after that many hours. What a viewer needs is asked for every 20 ms from the end on.
import fs from 'node:fs';
import path from 'node:path';
import { fetchWhole, request } from '../e2e/lib/http.js';
import { FakePublisher } from '../e2e/lib/fake_publisher.js';
import { clusterSecret, makePlaybackToken } from '../e2e/lib/playback_token.js';
import { probe } from '../e2e/lib/media.js';
import { parseMultivariant, parsePlaylist } from '../e2e/lib/playlist.js';
import { S3 } from '../e2e/lib/s3.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 60);
const hours = Number(process.argv[3] ?? 6);
const kinds = process.argv[4] ? [process.argv[4]] : ['folder', 's3'];
const env = { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k', PORTHOLE_SPOOL_MOST_MIB: '8192' };

/** From now until every rendition of the recording can be played to its end, ms. */
async function untilPlayable(node, id, endedAt) {
  const token = () => makePlaybackToken(clusterSecret(node), { session: id });
  const vod = `${node.url}/vod/${id}`;
  const get = async (name) => {
    const answer = await request(`${vod}/${name}?token=${token()}`);
    return answer.status === 200 && answer;
  };
  const multivariant = await waitFor('the recording to play', () => get('index.m3u8'), { within: 120_000, every: 20 });
  const { variants } = parseMultivariant(multivariant.text);
  for (const { track } of variants) {
    const playlist = parsePlaylist((await get(`${track}/index.m3u8`)).text);
    if (!playlist.ended) throw new Error(`${track} has no end`);
    await get(`${track}/init.mp4`);
    for (const segment of [playlist.segments[0], playlist.segments.at(-1)]) {
      if (!(await get(`${track}/${segment.msn}.m4s`))) throw new Error(`segment ${segment.msn} of ${track} is not there`);
    }
  }
  return Date.now() - endedAt;
}

/** A store of the kind, as settings of a node. */
async function storeOf(stage, kind) {
  if (kind === 'folder') return {};
  const s3 = await S3.start();
  stage.after(() => s3.close());
  return { PORTHOLE_ARCHIVE_URL: s3.url, ...s3.env };
}

async function real(stage, kind) {
  const node = await stage.node({ env: { ...env, ...(await storeOf(stage, kind)) } });
  const session = await stage.session(node, { body: { visibility: 'private', title: 'A minute' } });
  await stage.publish(session, node.srtPort, { source: { size: '1920x1080', bitrate: '6M', keyframe_s: 2 } });
  const bearer = { authorization: `Bearer ${session.token}` };
  const recording = async () => (await request(`${node.url}/api/recordings/${session.id}`, { headers: bearer })).json;
  await waitFor('the session to be live', async () => (await session.state(session.token)).state === 'live', { within: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await stage.end(session);
  const endedAt = Date.now();
  const ready = waitFor('the recording', async () => (await recording())?.state === 'ready', { within: 60_000, every: 20 }).then(async () => {
    const { headers } = await request(`${node.url}/api/recordings/${session.id}/download`, { headers: bearer });
    const range = await request(headers.location, { headers: { range: 'bytes=0-1023' } });
    if (range.status !== 206) throw new Error(`the download answers ${range.status}`);
    return Date.now() - endedAt;
  });
  const [plays, downloads] = await Promise.all([untilPlayable(node, session.id, endedAt), ready]);
  const { durationMs, bytes } = await recording();
  return [`${seconds} s, real`, kind, plays, downloads, durationMs / 1000, bytes / 1e6];
}

async function simulated(stage, kind) {
  const node = await stage.node({ env: { ...env, ...(await storeOf(stage, kind)) } });
  const session = await stage.session(node);
  const publisher = new FakePublisher({
    origin: node.url, session: session.id, secret: clusterSecret(node), partMs: 2000,
    videos: [{ name: 'v1080', width: 320, height: 180, kbits: 60 }],
  });
  publisher.publication.epoch_utc_us = (Date.now() - hours * 3600_000) * 1000;
  await publisher.announce();
  const segments = hours * 1800;
  await Promise.all(publisher.tracks.map(async (track) => {
    for (let number = 0; number < segments; number++) await publisher.send(track, number);
  }));
  await publisher.end();
  const endedAt = Date.now();
  const plays = await untilPlayable(node, session.id, endedAt);
  publisher.close();
  const folder = path.join(node.dataDir, 'archive/recordings', session.id, 'recording.mp4');
  if (kind !== 'folder') return [`${hours} h, simulated`, kind, plays, plays, null, null];
  const { format } = await probe(folder, ['-show_format']);
  return [`${hours} h, simulated`, kind, plays, plays, Number(format.duration), fs.statSync(folder).size / 1e6];
}

const rows = [];
for (const kind of kinds) {
  for (const measure of [real, simulated]) {
    const stage = new Stage();
    try {
      rows.push(await measure(stage, kind));
    } finally {
      await stage.close();
    }
  }
}
printTable('end of a session → its recording, ms (bar: ≤ 2000 both)',
  ['session', 'store', 'plays', 'downloads', 'MP4, s', 'MP4, MB'], rows, { digits: 1 });
