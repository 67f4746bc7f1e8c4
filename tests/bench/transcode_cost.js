// CPU seconds for each second of stream, 1080p30 → 1080p30 + 720p30 + AAC, beside ffmpeg's command line doing the same in the
// same run, in turns; and the worker's memory.
import { Child } from '../e2e/lib/child.js';
import { sourceFile } from '../e2e/lib/media.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { cpuSeconds, memoryOf } from './lib/process.js';
import { median, printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 15);
const rounds = Number(process.argv[3] ?? 3);
const preset = 'superfast';
const rendition = (index, bitrate) => [
  `-b:v:${index}`, bitrate, `-maxrate:v:${index}`, bitrate, `-bufsize:v:${index}`, bitrate,
];

/** ffmpeg's own ladder over the same file; CPU seconds a second, after two seconds to settle. */
async function byFfmpeg(file) {
  const child = new Child('ffmpeg', [
    '-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file,
    '-filter_complex', '[0:v]split=2[a][b];[b]scale=1280:720:flags=bicubic[c]', '-map', '[a]', '-map', '[c]', '-map', '0:a',
    '-c:v', 'libx264', '-preset', preset, '-tune', 'zerolatency', '-g', '60', '-sc_threshold', '0',
    ...rendition(0, '4500k'), ...rendition(1, '2500k'), '-c:a', 'aac', '-b:a', '128k', '-f', 'mpegts', '-y', '/dev/null',
  ]);
  try {
    await pause(2_000);
    const before = cpuSeconds(child.pid);
    await pause(seconds * 1_000);
    return { cpu: (cpuSeconds(child.pid) - before) / seconds, memory: memoryOf(child.pid).most };
  } finally {
    await child.stop('SIGKILL');
  }
}

async function byWorker(file) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k', PORTHOLE_PRESET: preset } });
    const session = await stage.session(node);
    await stage.publish(session, node.srtPort, { file });
    await session.multivariant();
    await pause(2_000);
    const [worker] = node.workers();
    const before = [cpuSeconds(worker.pid), cpuSeconds(node.child.pid)];
    await pause(seconds * 1_000);
    return {
      cpu: (cpuSeconds(worker.pid) - before[0]) / seconds,
      node: (cpuSeconds(node.child.pid) - before[1]) / seconds,
      memory: memoryOf(worker.pid).most,
    };
  } finally {
    await stage.close();
  }
}

const rows = [];
for (const [picture, bitrate] of [['test', '6M'], ['motion', '8M']]) {
  const file = await sourceFile({ picture, size: '1920x1080', bitrate, keyframe_s: 2 });
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await byFfmpeg(file));
    ours.push(await byWorker(file));
  }
  const cost = (list) => median(list.map((one) => one.cpu));
  rows.push([
    picture, cost(ours), cost(theirs), cost(ours) / cost(theirs), median(ours.map((one) => one.node)),
    Math.max(...ours.map((one) => one.memory)), Math.max(...theirs.map((one) => one.memory)),
  ]);
}
printTable(`CPU seconds a stream second at x264 ${preset} (aim of the ratio: 0.9), and memory in MiB (aim: 200)`,
  ['source', 'worker', 'ffmpeg', 'ratio', 'ingest + origin', 'worker MiB', 'ffmpeg MiB'], rows);
for (const [picture, , , ratio, , memory] of rows) {
  checkBar(`${picture}: CPU to ffmpeg’s`, ratio, { most: 1.05 });
  checkBar(`${picture}: memory of the worker, MiB`, memory, { most: 300 });
}
