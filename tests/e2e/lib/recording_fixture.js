// A recording in a node's own archive, made of what a session's viewers were served, with an id of its own.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fetchWhole } from './http.js';
import { keyBytes, readInit, readMedia } from './llhls/media.js';
import { clusterSecret, makePlaybackToken } from './playback_token.js';
import { parsePlaylist } from './playlist.js';
import { waitFor } from './wait.js';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Fetches all of an ended session that is listed, track by track: {name: {init, segments: [{msn, body, duration}]}}. */
export async function collect(session, tracks) {
  const found = {};
  for (const name of tracks) {
    const { segments } = await session.playlist(name);
    const init = (await fetchWhole(`${session.live}/${name}/init.mp4`)).body;
    found[name] = { init, segments: [] };
    for (const { msn, uri, duration } of segments) found[name].segments.push({ msn, duration, body: (await fetchWhole(`${session.live}/${name}/${uri}`)).body });
  }
  return found;
}

/** Keeps what was collected as a recording. {id, url, tracks, token(options)}. */
export function keepRecording(node, session, tracks) {
  const id = `recorded${randomBytes(8).toString('hex')}`;
  const folder = path.join(node.dataDir, 'archive/recordings', id);
  const publication = JSON.parse(fs.readFileSync(path.join(node.dataDir, 'spool', session.id, 'publication.json'), 'utf8'));
  const put = (name, bytes) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), bytes);
  };
  const manifest = { version: 1, id, publication, startedAt: publication.epoch_utc_us, durationUs: 0, tracks: [], mp4: null, poster: false, storyboard: null };
  for (const { name } of publication.tracks) {
    const { init, segments } = tracks[name];
    const header = readInit(init);
    put(`${name}/init.mp4`, init);
    const rows = segments.map(({ msn, body }) => {
      const { time, duration } = readMedia(body, header);
      put(`${name}/${msn}.m4s`, body);
      manifest.durationUs = Math.max(manifest.durationUs, Math.round(((time + duration) / header.timescale) * 1e6));
      return [msn, time, duration, body.length, 0, header.kind === 'video' ? keyBytes(body, header) : 0, sha256(body)];
    });
    manifest.tracks.push({ name, initBytes: init.length, initHash: sha256(init), segments: rows });
  }
  put('recording.json', JSON.stringify(manifest));
  const token = (options = {}) => makePlaybackToken(clusterSecret(node), { session: id, ...options });
  return { id, folder, manifest, url: `${node.url}/vod/${id}`, token };
}

/** A session of so many segments that has ended, and its recording. */
export async function recordSession(stage, { segments = 4, ...options } = {}) {
  const { node, session, multivariant } = await stage.live(options);
  const names = [...multivariant.variants.map(({ track }) => track), ...multivariant.audio.map(({ uri }) => uri.split('/')[0])];
  await session.segments(names[0], segments);
  await stage.end(session);
  for (const name of names) await waitFor('the end of the playlist', async () => parsePlaylist((await fetchWhole(`${session.live}/${name}/index.m3u8`)).text).ended);
  const live = await collect(session, names);
  return { node, session, live, recording: keepRecording(node, session, live) };
}
