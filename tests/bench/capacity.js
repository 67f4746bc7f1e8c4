// How many 1080p30 high-motion sessions this machine carries at each effort: sessions are added until one falls behind.
import os from 'node:os';
import { sourceFile } from '../e2e/lib/media.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { cpuSeconds, memoryOf } from './lib/process.js';
import { printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 12);
const most = Number(process.argv[3] ?? 4);
const presets = (process.argv[4] ?? 'ultrafast,superfast,veryfast,faster').split(',');
const source = { picture: 'motion', size: '1920x1080', bitrate: '8M', keyframe_s: 2 };

/** One node with this many sessions at a preset: what each lost, and what they cost. */
async function carry(preset, count) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k', PORTHOLE_PRESET: preset, PORTHOLE_MOST_SESSIONS: '8' } });
    const sessions = [];
    for (let i = 0; i < count; i++) {
      const session = await stage.session(node, { sub: `streamer-${i}` });
      await stage.publish(session, node.srtPort, { source });
      sessions.push(session);
    }
    for (const session of sessions) await session.multivariant(30_000);
    await pause(4_000);
    const workers = node.workers().slice(0, count);
    const before = workers.map((worker) => cpuSeconds(worker.pid));
    const dropped = async () => (await node.metric('porthole_worker_frames_dropped')) ?? 0;
    const droppedBefore = await dropped();
    await pause(seconds * 1_000);
    const cpu = workers.reduce((sum, worker, i) => sum + cpuSeconds(worker.pid) - before[i], 0) / seconds / count;
    const lost = ((await dropped()) - droppedBefore) / (seconds * 30 * count);
    const delay = Math.max(...(await node.metrics()).filter((one) => one.name === 'porthole_worker_delay_seconds').map((one) => one.value));
    return { cpu, lost, delay, memory: Math.max(...workers.map((worker) => memoryOf(worker.pid).most)) };
  } finally {
    await stage.close();
  }
}

await sourceFile(source);
const rows = [];
for (const preset of presets) {
  for (let count = 1; count <= most; count++) {
    const last = await carry(preset, count);
    const isCarried = last.lost < 0.01 && last.delay < 1;
    rows.push([preset, count, last.cpu, last.lost * 100, last.delay * 1_000, last.memory, isCarried ? 'yes' : 'no']);
    if (!isCarried) break;
  }
}
printTable(`1080p30 high-motion sessions on ${os.cpus().length} cores (carried: under 1 % of frames dropped, delay under 1 s)`,
  ['effort (x264 preset)', 'sessions', 'CPU s/s each', 'dropped %', 'delay ms', 'worker MiB', 'carried'], rows);
