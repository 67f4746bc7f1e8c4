// More work than the machine has: 1080p60, high motion and grain; then a second session beside the first; then it goes again.
// Effort must fall, then frames drop; delay stays within a second, the rules hold, sound is untouched, and quality returns.
import { sourceFile } from '../e2e/lib/media.js';
import { frameTimes, loudness } from '../e2e/lib/frames.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 40);
const env = { PORTHOLE_LADDER: '1080p60@6000k,720p30@2500k', PORTHOLE_MOST_SESSIONS: '4' };
const heavy = { picture: 'motion', size: '1920x1080', rate: 60, bitrate: '14M', keyframe_s: 2, seconds: 12 };

/** A session's figure of the node's metrics; undefined when there is none. */
export const figure = (metrics, session, name) => metrics.find((one) => one.name === name && one.labels.session === session.id)?.value;

const stage = new Stage();
try {
  await sourceFile(heavy);
  const { node, session } = await stage.live({ env, source: heavy });
  const rules = stage.rules(session);
  const watch = stage.watch(session, 'v1080');
  const rows = [];
  const follow = async (phase, others) => {
    let before = await node.metrics();
    for (let elapsed = 0; elapsed < seconds; elapsed += 5) {
      const since = Date.now();
      await pause(5_000);
      const metrics = await node.metrics();
      const rise = (name) => figure(metrics, session, name) - figure(before, session, name);
      rows.push([
        elapsed ? '' : phase, figure(metrics, session, 'porthole_worker_effort'), figure(metrics, session, 'porthole_worker_speed'),
        rise('porthole_worker_frames_out'), rise('porthole_worker_frames_dropped'), rise('porthole_worker_frames_repeated'),
        figure(metrics, session, 'porthole_worker_delay_seconds') * 1_000, watch.longestGap(since), others.length + 1,
      ]);
      before = metrics;
    }
  };
  await follow('one session', []);
  const second = await stage.session(node, { sub: 'streamer-2' });
  const publisher = await stage.publish(second, node.srtPort, { source: heavy });
  await second.multivariant(20_000);
  await follow('two sessions', [second]);
  await publisher.stop('SIGKILL');
  await stage.end(second);
  await follow('one again', []);
  printTable('overload, 1080p60 high motion with grain, figures of 5 s each (effort is to return)',
    ['phase', 'effort', 'speed', 'frames', 'dropped', 'repeated', 'delay ms', 'longest gap ms', 'sessions'], rows);

  const { segments } = await session.playlist('audio');
  const file = await stage.download(session, 'audio', segments[0].msn, segments.at(-1).msn);
  const times = await frameTimes(file, 'a');
  const holes = times.filter((time, i) => i && Math.abs(time - times[i - 1] - 1024 / 48000) > 1e-4).length;
  const broken = await rules.broken();
  console.log(`discontinuities: ${watch.discontinuities}; loudness of the sound: ${(await loudness(file)).mean} dB`);
  for (const rule of broken) console.log(`  ${rule}`);
  checkBar('delay, most ms', Math.max(...rows.map((row) => row[6])), { most: 1000 });
  checkBar('parts skipped', watch.skipped().length, { most: 0 });
  checkBar('holes in the sound', holes, { most: 0 });
  checkBar('rules broken', broken.length, { most: 0 });
} finally {
  await stage.close();
}
