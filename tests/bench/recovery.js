// What viewers notice when things die: a worker killed, a publisher away for five seconds.
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { printTable, quantile } from './lib/table.js';

const rounds = Number(process.argv[2] ?? 5);
const source = { size: '1920x1080', bitrate: '6M', keyframe_s: 2 };
const env = { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' };

async function withSession(measure) {
  const stage = new Stage();
  try {
    const live = await stage.live({ env, source });
    const watch = stage.watch(live.session, 'v1080');
    await live.session.segments('v1080', 2);
    const figures = await measure(stage, live, watch);
    await live.session.segments('v1080', 2);
    return { figures, skipped: watch.skipped().length, discontinuities: watch.discontinuities };
  } finally {
    await stage.close();
  }
}

const killed = await withSession(async (stage, { node, session }, watch) => {
  const waits = [];
  for (let round = 0; round < rounds; round++) {
    const killedAt = Date.now();
    process.kill(node.workers()[0].pid, 'SIGKILL');
    await session.segments('v1080', 3);
    waits.push(watch.longestGap(killedAt));
  }
  return waits;
});
const away = await withSession(async (stage, { node, session, publisher }, watch) => {
  const goneAt = Date.now();
  publisher.signal('SIGKILL');
  await pause(5_000);
  await stage.publish(session, node.srtPort, { source });
  await session.segments('v1080', 4);
  return [watch.longestGap(goneAt)];
});
printTable('longest time without a new part, ms', ['what happened', 'times', 'median', 'max', 'parts skipped', 'discontinuities'], [
  ['kill -9 of the worker', rounds, quantile(killed.figures, 0.5), quantile(killed.figures, 1), killed.skipped, killed.discontinuities],
  ['publisher away 5 s, back from another port', 1, away.figures[0], away.figures[0], away.skipped, away.discontinuities],
], { digits: 0 });
checkBar('kill -9 of the worker: longest gap, median ms', quantile(killed.figures, 0.5), { most: 2000 });
checkBar('publisher away: longest gap, ms', away.figures[0], { most: 1000 });
checkBar('parts skipped', killed.skipped + away.skipped, { most: 0 });
