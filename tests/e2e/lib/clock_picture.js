// Pictures that carry the number of their frame, in twelve blocks of black and white along their upper edge: so a test knows
// which frame of the source it sees, in whatever size.
import { Child } from './child.js';
import { frameTimes } from './frames.js';
import { mediaFile } from './media.js';

const bits = 12;

const blocks = Array.from(
  { length: bits },
  (_, i) => `drawbox=x=iw*${i}/${bits}:y=0:w=iw/${bits}:h=ih/2:t=fill:color=white:enable='gte(mod(floor(n/${2 ** i})\\,2)\\,1)'`,
).join(',');

/** ffmpeg's arguments for a file whose frames are numbered; 4096 at most. A tone lies beneath, unless `audio` is false. */
export function clockArguments({ size = '640x360', rate = 30, seconds = 20, audio = true, video, sound } = {}) {
  const args = ['-f', 'lavfi', '-i', `color=c=black:size=${size}:rate=${rate},${blocks}`];
  if (audio) args.push('-f', 'lavfi', '-i', 'sine=frequency=440:beep_factor=3:sample_rate=48000');
  args.push('-t', String(seconds));
  args.push(...(video ?? ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-b:v', '600k', '-g', '30']));
  if (audio) args.push(...(sound ?? ['-c:a', 'aac', '-b:a', '96k', '-ac', '2']));
  return args;
}

export const clockFile = (options, extension = 'mkv') => mediaFile(extension, clockArguments(options));

/** The numbers of a file's pictures, in the order in which they are shown. `crop` is ffmpeg's, of where a picture lies. */
export async function frameNumbers(file, { crop } = {}) {
  const width = bits * 4;
  const filter = [crop && `crop=${crop}`, `scale=${width}:8:flags=area`, 'format=gray'].filter(Boolean).join(',');
  const args = ['-nostdin', '-v', 'error', '-i', file, '-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'];
  const child = new Child('ffmpeg', args);
  const { code } = await child.ended(60_000);
  if (code !== 0) throw new Error(`ffmpeg could not read ${file}: ${child.stderr}`);
  const numbers = [];
  for (let at = 0; at < child.stdout.length; at += width * 8) {
    let number = 0;
    for (let i = 0; i < bits; i++) {
      const row = at + width; // the second row: well inside the blocks
      const level = (child.stdout[row + i * 4 + 1] + child.stdout[row + i * 4 + 2]) / 2;
      if (level > 128) number += 2 ** i;
    }
    numbers.push(number);
  }
  return numbers;
}

/** What a file shows: [{frame, number}], the frame's place on a grid of `rate` and the number of its picture, which stands until the next. */
export async function picturesOf(file, rate, options) {
  const [numbers, times] = await Promise.all([frameNumbers(file, options), frameTimes(file)]);
  if (numbers.length !== times.length) throw new Error(`${file}: ${numbers.length} pictures at ${times.length} times`);
  return numbers.map((number, index) => ({ frame: Math.round(times[index] * rate), number }));
}
