// Sources: files made once by ffmpeg and kept beside the builds, and what to say to ffmpeg to publish one.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './child.js';

export const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const folder = path.join(process.env.BUILD_ROOT ?? path.join(repository, 'build'), 'media');

const made = new Map();

async function makeMedia(key, extension, args) {
  const file = path.join(folder, `${key}.${extension}`);
  if (!fs.existsSync(file)) {
    fs.mkdirSync(folder, { recursive: true });
    const unfinished = path.join(folder, `${key}.${process.pid}.${extension}`);
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, unfinished], { within: 300_000 });
    fs.renameSync(unfinished, file);
  }
  return file;
}

/** The file that ffmpeg makes with these arguments; made when it is not there yet, once for all who wait for it. */
export function mediaFile(extension, args) {
  const key = createHash('sha256').update(JSON.stringify([extension, args])).digest('hex').slice(0, 16);
  if (!made.has(key)) made.set(key, makeMedia(key, extension, args));
  return made.get(key);
}

/** "30000/1001" is a rate too. */
const framesPerSecond = (rate) => String(rate).split('/').map(Number).reduce((a, b) => a / b);

const x264 = (rate, bitrate, keyframe_s) => [
  '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-b:v', bitrate,
  '-maxrate', bitrate, '-bufsize', bitrate, '-g', String(Math.max(1, Math.round(framesPerSecond(rate) * keyframe_s))),
];

/** What ffmpeg reads to make pictures. */
export const pictures = {
  test: (size, rate) => `testsrc2=size=${size}:rate=${rate}`,
  /** Moves everywhere and never repeats: what a game does to an encoder, grain included. */
  motion: (size, rate) =>
    `mandelbrot=size=${size}:rate=${rate}:end_scale=0.02:end_pts=200:maxiter=300,hue=H=t*2,` +
    `rotate=a=0.35*t:fillcolor=gray,noise=alls=14:allf=t+u`,
};

/** Arguments for a 20 s (or `seconds` long) file: `audio` is null or ffmpeg's arguments for its codec. */
export function sourceArguments({
  picture = 'test', size = '640x360', rate = 30, bitrate = '1200k', seconds = 20, keyframe_s = 1,
  audio = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2'], sampleRate = 48000, video = undefined,
} = {}) {
  const args = ['-f', 'lavfi', '-i', pictures[picture](size, rate)];
  if (audio) args.push('-f', 'lavfi', '-i', `sine=frequency=440:beep_factor=3:sample_rate=${sampleRate}`);
  args.push('-t', String(seconds), ...(video ?? x264(rate, bitrate, keyframe_s)));
  return audio ? [...args, ...audio] : args;
}

/** A file to publish in a loop without encoding it again. */
export const sourceFile = (options) => mediaFile('mkv', sourceArguments(options));

/** ffmpeg's arguments that publish a file in real time, over and over. */
export const loopArguments = (file, url, { copy = ['-c', 'copy'], muxer = [], input = [] } = {}) => [
  '-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', ...input, '-i', file, '-map', '0', ...copy,
  '-f', 'mpegts', '-muxdelay', '0', '-muxpreload', '0', '-flush_packets', '1', ...muxer, url,
];

/** Who is refused hears so at once; a busy machine may take its time to let somebody in. */
export const srtUrl = (port, streamKey, options = {}) => {
  const query = new URLSearchParams({ streamid: streamKey, pkt_size: '1316', latency: '120000', connect_timeout: '20000', ...options });
  return `srt://127.0.0.1:${port}?${decodeURIComponent(query.toString())}`;
};

/** What ffprobe says of a file: {streams, packets, frames} as asked. */
export async function probe(file, args) {
  const child = await run('ffprobe', ['-v', 'error', '-of', 'json', ...args, file]);
  return JSON.parse(child.stdout.toString('utf8'));
}
