// From the end of a session to its recording: when the VOD plays and the MP4 downloads, after a minute and after hours.
//
//   node tests/bench/recording_end.js [seconds of the real session] [hours of the simulated one] [folder | s3] [its kbit/s]
//
// The short session is real: SRT in, the whole ladder out, the API asked. The long one is published segment after segment as
// fast as the origin takes them. It has as many segments and samples as that many hours, so tables, manifest, index and the
// MP4's head are as large. Its pictures are small (60 kbit/s unless told), and so is its media: the MP4 then goes up in some 70
// parts of 8 MiB for 6 h, where 4.5 Mbit/s make about 1,500. `6 s3 4500` makes those too, and takes 13 GB and a while. What a viewer
// needs is asked for every 20 ms from the end on; a download counts once the MP4's first and last bytes came by its signed address.
import fs from 'node:fs';
import path from 'node:path';
import { recordingFolder } from '../e2e/lib/archived.js';
import { fetchWhole, request } from '../e2e/lib/http.js';
import { FakePublisher } from '../e2e/lib/fake_publisher.js';
import { clusterSecret, makePlaybackToken } from '../e2e/lib/playback_token.js';
import { probe } from '../e2e/lib/media.js';
import { parseMultivariant, parsePlaylist } from '../e2e/lib/playlist.js';
import { S3 } from '../e2e/lib/s3.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 60);
const hours = Number(process.argv[3] ?? 6);
const kinds = process.argv[4] ? [process.argv[4]] : ['folder', 's3'];
const kbits = Number(process.argv[5] ?? 60);
const partBytes = 8 * 1024 * 1024; // of the MP4's multipart upload
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

/** From the end until the first and the last bytes of the MP4 came by the address that the API signs: {ms, recording}. */
async function untilDownloaded(node, session, endedAt) {
  const url = `${node.url}/api/recordings/${session.id}`;
  const headers = { authorization: `Bearer ${session.token}` };
  const recording = await waitFor('the recording', async () => {
    const { json } = await request(url, { headers });
    return json?.state === 'ready' && json;
  }, { within: 120_000, every: 20 });
  const { headers: { location } } = await request(`${url}/download`, { headers });
  for (const range of ['bytes=0-1023', 'bytes=-1024']) {
    const answer = await request(location, { headers: { range } });
    if (answer.status !== 206 || answer.body.length !== 1024) throw new Error(`the download answers ${answer.status} to ${range}`);
    if (range === 'bytes=0-1023' && answer.body.toString('latin1', 4, 8) !== 'ftyp') throw new Error('the download is no MP4');
  }
  return { ms: Date.now() - endedAt, recording };
}

/** What lies in the folder's store beside the MP4, to the media among it, as it is served. */
async function storageRatio(node, id) {
  const folder = recordingFolder(node.dataDir, id);
  const files = fs.readdirSync(folder, { recursive: true }).filter((name) => fs.statSync(path.join(folder, name)).isFile());
  const token = makePlaybackToken(clusterSecret(node), { session: id });
  let stored = 0;
  let media = 0;
  for (const name of files.filter((one) => one !== 'recording.mp4')) {
    stored += fs.statSync(path.join(folder, name)).size;
    if (/(\.m4s|init\.mp4)$/.test(name)) media += (await fetchWhole(`${node.url}/vod/${id}/${name}?token=${token}`)).body.length;
  }
  return stored / media;
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
  await waitFor('the session to be live', async () => (await session.state(session.token)).state === 'live', { within: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await stage.end(session);
  const endedAt = Date.now();
  const [plays, { ms, recording }] = await Promise.all([untilPlayable(node, session.id, endedAt), untilDownloaded(node, session, endedAt)]);
  const ratio = kind === 'folder' ? await storageRatio(node, session.id) : null;
  return [`${seconds} s, real`, kind, plays, ms, recording.durationMs / 1000, recording.bytes / 1e6, Math.ceil(recording.bytes / partBytes), ratio];
}

async function simulated(stage, kind) {
  const node = await stage.node({ env: { ...env, ...(await storeOf(stage, kind)) } });
  const session = await stage.session(node);
  const publisher = new FakePublisher({
    origin: node.url, session: session.id, secret: clusterSecret(node), partMs: 2000,
    videos: [{ name: 'v1080', width: 320, height: 180, kbits }],
  });
  publisher.publication.epoch_utc_us = (Date.now() - hours * 3600_000) * 1000;
  await publisher.announce();
  const segments = hours * 1800;
  await Promise.all(publisher.tracks.map(async (track) => {
    for (let number = 0; number < segments; number++) await publisher.send(track, number);
  }));
  await publisher.end();
  const endedAt = Date.now();
  const [plays, { ms, recording }] = await Promise.all([untilPlayable(node, session.id, endedAt), untilDownloaded(node, session, endedAt)]);
  publisher.close();
  let seconds = recording.durationMs / 1000;
  if (kind === 'folder') seconds = Number((await probe(path.join(recordingFolder(node.dataDir, session.id), 'recording.mp4'), ['-show_format'])).format.duration);
  return [`${hours} h, simulated at ${kbits} kbit/s`, kind, plays, ms, seconds, recording.bytes / 1e6, Math.ceil(recording.bytes / partBytes), null];
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
printTable('end of a session → its recording, ms',
  ['session', 'store', 'plays', 'downloads', 'MP4, s', 'MP4, MB', 'parts of it', 'store : media'], rows, { digits: 3 });
for (const [session, kind, plays, downloads, , , , ratio] of rows) {
  checkBar(`${session}, ${kind}: plays after ms`, plays, { most: 2000 });
  checkBar(`${session}, ${kind}: downloads after ms`, downloads, { most: 2000 });
  if (ratio !== null) checkBar(`${session}, ${kind}: bytes stored beside the MP4 to media served`, ratio, { most: 1.02 });
}
