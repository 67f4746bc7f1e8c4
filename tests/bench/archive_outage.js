// The bucket away for minutes under a live session: what the viewers see of it, and whether anything is missing afterwards.
//
//   node tests/bench/archive_outage.js [seconds without the bucket]
import { createHash } from 'node:crypto';
import { request, fetchWhole } from '../e2e/lib/http.js';
import { S3 } from '../e2e/lib/s3.js';
import { smallLadder } from '../e2e/lib/porthole.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause, waitFor } from '../e2e/lib/wait.js';
import { clusterSecret, makePlaybackToken } from '../e2e/lib/playback_token.js';
import { checkBar } from './lib/bar.js';
import { printTable } from './lib/table.js';

const away = Number(process.argv[2] ?? 600);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
const stage = new Stage();
try {
  const s3 = await S3.start();
  stage.after(() => s3.close());
  const { node, session, tracks } = await stage.live({ env: { ...s3.env, PORTHOLE_LADDER: smallLadder } });
  const rules = stage.rules(session);
  const [track] = tracks;
  const served = new Map();
  const keep = async () => {
    for (const { msn, uri } of (await session.playlist(track)).segments) {
      if (!served.has(msn)) served.set(msn, hash((await fetchWhole(`${session.live}/${track}/${uri}`)).body));
    }
  };
  await session.segments(track, 3);
  await keep();
  const watch = stage.watch(session, track);
  const from = Date.now();
  await s3.stop();
  let pending = 0;
  let health = 'ok';
  while (Date.now() - from < away * 1000) {
    await pause(5_000);
    await keep();
    pending = Math.max(pending, (await node.metric('porthole_archive_pending_segments')) ?? 0);
    health = (await request(`${node.url}/health`)).text;
  }
  const gap = watch.longestGap(from);
  const skipped = watch.skipped().length;
  await s3.serve();
  const backAt = Date.now();
  await waitFor('the archive to catch up', async () => ((await node.metric('porthole_archive_pending_segments')) ?? 0) <= 3, { within: 180_000, every: 100 });
  const caughtUp = Date.now() - backAt;
  await session.segments(track, 2);
  await keep();
  const broken = await rules.broken();
  await stage.end(session);
  const endedAt = Date.now();
  const bearer = { authorization: `Bearer ${session.token}` };
  await waitFor('the recording', async () => (await request(`${node.url}/api/recordings/${session.id}`, { headers: bearer })).json?.state === 'ready', { within: 60_000, every: 50 });
  const ready = Date.now() - endedAt;
  const token = makePlaybackToken(clusterSecret(node), { session: session.id });
  let differing = 0;
  for (const [msn, bytes] of served) {
    const answer = await request(`${node.url}/vod/${session.id}/${track}/${msn}.m4s?token=${token}`);
    if (answer.status !== 200 || hash(answer.body) !== bytes) differing++;
  }
  printTable(`the bucket away for ${away} s (bar: 0 lost, live unaffected)`,
    ['segments served', 'lost or differing', 'lost, as the node counts', 'longest gap of parts, ms', 'parts skipped', 'most pending', 'caught up, ms', 'recording ready, ms'],
    [[served.size, differing, (await node.metric('porthole_archive_lost_segments_total')) ?? 0, gap, skipped, pending, caughtUp, ready]]);
  console.log(`rules broken: ${broken.length ? broken.join('; ') : 'none'}`);
  console.log(`health while it was away: ${health}`);
  checkBar('segments lost or differing', differing, { most: 0 });
  checkBar('rules broken for live viewers', broken.length, { most: 0 });
} finally {
  await stage.close();
}
