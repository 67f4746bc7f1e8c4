// What a lossy network costs: a file over WHIP through a relay that loses 5 % each way at 50 ms round trip. Every frame that
// viewers get is looked for among the source's, and compared by SSIM.
import { Child } from '../e2e/lib/child.js';
import { Stage } from '../e2e/lib/stage.js';
import { mediaFile } from '../e2e/lib/media.js';
import { opus } from '../e2e/lib/whip_publisher.js';
import { checkBar } from './lib/bar.js';
import { ssim } from './lib/ssim.js';
import { printTable, quantile } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 20);
const [width, height] = [640, 360];
/** Moves everywhere, and holds no grain: what is less alike than it was sent is damage. */
const source = () => mediaFile('ts', [
  '-f', 'lavfi', '-i', 'mandelbrot=size=1280x720:rate=30:end_scale=0.02:end_pts=200:maxiter=300,hue=H=t*2,rotate=a=0.35*t:fillcolor=gray',
  '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '10',
  '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-b:v', '5M', '-g', '60', ...opus,
]);

/** The luma of every frame of a file, scaled. */
async function pictures(file) {
  const child = new Child('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-map', '0:v', '-vf', `scale=${width}:${height},format=gray`, '-f', 'rawvideo', '-']);
  const blocks = [];
  child.process.stdout.on('data', (block) => blocks.push(block));
  await child.ended(120_000);
  const whole = Buffer.concat(blocks);
  return Array.from({ length: Math.floor(whole.length / (width * height)) }, (_, index) => whole.subarray(index * width * height, (index + 1) * width * height));
}

/** Where in the source (which goes round) a frame is, and how alike: near where it is expected, else anywhere. */
function find(frame, originals, expected) {
  const alike = (index) => ({ index: (index + originals.length) % originals.length, value: ssim(frame, originals[(index + originals.length) % originals.length], width, height) });
  const best = (list) => list.reduce((a, b) => (b.value > a.value ? b : a));
  const near = best([-1, 0, 1, 2].map((step) => alike(expected + step)));
  return near.value >= 0.8 ? near : best([near, ...originals.map((_, index) => alike(index))]);
}

async function measure(network) {
  const stage = new Stage();
  try {
    const node = await stage.node({ env: { PORTHOLE_LADDER: '720p30@6000k' } });
    const session = await stage.session(node);
    const relay = await stage.relay(node.webrtcPort, { seed: 5, ...network });
    await stage.whip(session, { relay, file: await source() });
    await session.multivariant();
    await session.segments('v720', 2);
    const from = (await session.playlist('v720')).segments.at(-1).msn;
    await session.segments('v720', Math.ceil(seconds / 2), seconds * 2_000 + 10_000);
    const originals = await pictures(await source());
    const seen = [];
    let expected = -1;
    for (let msn = from; msn < from + seconds / 2; msn++)
      for (const frame of await pictures(await stage.download(session, 'v720', msn, msn))) {
        const found = expected < 0 ? originals.map((one, index) => ({ index, value: ssim(frame, one, width, height) })).reduce((a, b) => (b.value > a.value ? b : a)) : find(frame, originals, expected + 1);
        seen.push(found);
        expected = found.index;
      }
    const moved = seen.filter(({ index }, at) => at === 0 || index !== seen[at - 1].index).length;
    const values = seen.map(({ value }) => value);
    const metric = async (name) => (await node.metric(`porthole_webrtc_${name}_packets_total`)) ?? NaN;
    return [(moved * 30) / seen.length, Math.min(...values), quantile(values, 0.01), quantile(values, 0.5), await metric('missing'), await metric('recovered'), await metric('lost')];
  } finally {
    await stage.close();
  }
}

const rows = [];
for (const [name, network] of [['no loss', { delay: 25 }], ['5 % loss, 50 ms round trip', { delay: 25, loss: 5 }]]) rows.push([name, ...(await measure(network))]);
printTable(`WHIP under loss, ${seconds} s each`,
  ['network', 'fps', 'worst SSIM', '1 % SSIM', 'median', 'missing', 'recovered', 'lost'], rows, { digits: 3 });
checkBar('5 % loss: pictures a second', rows[1][1], { least: 29 });
checkBar('5 % loss: worst SSIM', rows[1][2], { least: 0.9 });
