// Are picture and sound together? A source that flashes and beeps at once every second, over WHIP; where they come out is
// read back from what viewers get: at the start, under loss, and behind outages of one and a half seconds.
// `scripts/bench whip_sync -- 600` looks again after ten minutes.
import { Child } from '../e2e/lib/child.js';
import { mediaFile } from '../e2e/lib/media.js';
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { opus } from '../e2e/lib/whip_publisher.js';
import { checkBar } from './lib/bar.js';
import { printTable } from './lib/table.js';

const longSeconds = Number(process.argv[2] ?? 0);
const lookSegments = 5;

const source = () => mediaFile('ts', [
  '-f', 'lavfi', '-i', "color=black:size=1280x720:rate=30,drawbox=color=white:t=fill:enable='lt(mod(n,30),3)',noise=alls=6:allf=t",
  '-f', 'lavfi', '-i', "aevalsrc='if(lt(mod(t,1),0.1),0.6*sin(2*PI*1000*t),0)':s=48000", '-t', '20',
  '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-b:v', '2M', '-g', '60', ...opus,
]);

async function said(file, args) {
  const child = new Child('ffmpeg', ['-nostdin', '-v', 'info', '-nostats', '-copyts', '-i', file, ...args, '-f', 'null', '-']);
  const { code } = await child.ended(60_000);
  if (code !== 0) throw new Error(child.stderr);
  return child.stderr;
}

/** Seconds at which the picture turns from black to white. */
async function flashes(file) {
  const text = await said(file, ['-map', '0:v', '-vf', 'signalstats,metadata=print:key=lavfi.signalstats.YAVG']);
  const frames = [...text.matchAll(/pts_time:(\S+)[^]*?YAVG=(\S+)/g)].map(([, at, luma]) => ({ at: Number(at), isWhite: Number(luma) > 128 }));
  return frames.filter(({ isWhite }, index) => index > 0 && isWhite && !frames[index - 1].isWhite).map(({ at }) => at);
}

/** Seconds at which silence ends. */
async function beeps(file) {
  const text = await said(file, ['-map', '0:a', '-af', 'silencedetect=noise=-30dB:duration=0.2']);
  return [...text.matchAll(/silence_end: (\S+)/g)].map(([, at]) => Number(at));
}

/** How much later the picture is than the sound, ms: for each flash, against the beep next to it. */
async function offsets(stage, session) {
  const playlist = await session.segments('v720', lookSegments + 1, 30_000);
  const [from, to] = [playlist.segments.at(-lookSegments).msn, playlist.segments.at(-1).msn];
  const [seen, heard] = [await flashes(await stage.download(session, 'v720', from, to)), await beeps(await stage.download(session, 'audio', from, to))];
  return seen.flatMap((at) => {
    const nearest = heard.reduce((best, one) => (Math.abs(one - at) < Math.abs(best - at) ? one : best), Infinity);
    return Math.abs(nearest - at) < 0.5 ? [(at - nearest) * 1000] : [];
  });
}

/** Nothing passes for a while, in which the publisher's clock may leap by 0.6 s. */
async function outage(relay, publisher, leaps) {
  relay.cut();
  if (leaps) publisher.push.signal('SIGUSR2');
  await pause(1_500);
  relay.cut(false);
}

const row = (when, list) => [when, list.length, list.reduce((sum, one) => sum + one, 0) / list.length, Math.max(...list.map(Math.abs))];

const stage = new Stage();
try {
  const node = await stage.node({ env: { PORTHOLE_LADDER: '720p30@2500k' } });
  const session = await stage.session(node);
  const relay = await stage.relay(node.webrtcPort, { delay: 25 });
  const publisher = await stage.whip(session, { relay, file: await source() });
  await session.multivariant();
  const rows = [row('at the start', await offsets(stage, session))];
  relay.loss = 5;
  await session.segments('v720', 5, 30_000);
  rows.push(row('under 5 % loss', await offsets(stage, session)));
  relay.loss = 0;
  rows.push(row('after it', await offsets(stage, session)));
  await outage(relay, publisher, false);
  rows.push(row('behind an outage', await offsets(stage, session)));
  await outage(relay, publisher, true);
  rows.push(row('behind a leap of its clock', await offsets(stage, session)));
  if (longSeconds) {
    await pause(longSeconds * 1_000); // drift needs its time
    rows.push(row(`after ${longSeconds} s`, await offsets(stage, session)));
  }
  printTable('picture later than sound, ms (a frame lasts 33)', ['when', 'flashes', 'mean', 'worst'], rows, { digits: 1 });
  for (const [when, , , worst] of rows) checkBar(`${when}: picture and sound apart, worst ms`, worst, { most: 40 });
} finally {
  await stage.close();
}
