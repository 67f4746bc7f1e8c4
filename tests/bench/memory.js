// Memory of every process of a live node over time, with viewers coming and going.
import { descendants } from '../e2e/lib/porthole.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { memoryOf } from './lib/process.js';
import { printTable } from './lib/table.js';

/* Caches and the heap settle in minutes; over the usual quarter of an hour a leak of 50 bytes a packet shows as more. */
const mostGrowthMib = 8;
const minutes = Number(process.argv[2] ?? 15);
const stage = new Stage();
try {
  const { node, session } = await stage.live({
    env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' }, source: { size: '1920x1080', bitrate: '6M', keyframe_s: 2 },
  });
  const [worker] = node.workers();
  const samples = [];
  const until = Date.now() + minutes * 60_000;
  while (Date.now() < until) {
    const watch = stage.watch(session, samples.length % 2 ? 'v720' : 'v1080');
    await pause(Math.min(30_000, minutes * 6_000));
    await watch.stop();
    samples.push({
      minute: (Date.now() - until) / 60_000 + minutes,
      node: memoryOf(node.child.pid).now,
      worker: memoryOf(worker.pid).now,
      spare: descendants(node.child.pid).filter((one) => one.pid !== worker.pid).reduce((sum, one) => sum + memoryOf(one.pid).now, 0),
    });
  }
  const every = Math.max(1, Math.floor(samples.length / 10));
  printTable(`memory over ${minutes} minutes, MiB resident`, ['minute', 'ingest + origin + api', 'worker', 'warm spare'],
    samples.filter((_, i) => i % every === 0 || i === samples.length - 1).map((one) => [one.minute, one.node, one.worker, one.spare]), { digits: 1 });
  const growth = (name) => {
    const third = Math.max(1, Math.floor(samples.length / 3));
    const mean = (list) => list.reduce((sum, one) => sum + one[name], 0) / list.length;
    return mean(samples.slice(-third)) - mean(samples.slice(third, 2 * third).length ? samples.slice(third, 2 * third) : samples.slice(0, third));
  };
  const growths = ['node', 'worker'].map((name) => [name, growth(name)]);
  printTable('growth from the second to the last third, MiB', ['process', 'MiB'], growths);
  checkBar('worker: most MiB', Math.max(...samples.map(({ worker: mib }) => mib)), { most: 300 });
  for (const [name, mib] of growths) checkBar(`${name}: growth, MiB`, mib, { most: mostGrowthMib });
} finally {
  await stage.close();
}
