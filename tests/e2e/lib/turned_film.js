// Films of a camera that was turned: four colours in their quarters, and beside them how the picture is to be turned. So a
// test sees which side of a picture is up.
import fs from 'node:fs';
import { Child } from './child.js';
import { mediaFile } from './media.js';

/** As the film's quarters lie in its pictures. */
export const lying = 'red lime / blue white';

const quarter = (x, y, color) => `drawbox=x=iw*${x}/2:y=ih*${y}/2:w=iw/2:h=ih/2:color=${color}:t=fill`;
const quarters = [quarter(1, 0, 'lime'), quarter(0, 1, 'blue'), quarter(1, 1, 'white')].join(',');

/** A film of four colours, `aspect` as its container says. */
export const quartersFile = ({ size = '640x360', seconds = 3, aspect } = {}) => mediaFile('mp4', [
  '-f', 'lavfi', '-i', `color=c=red:size=${size}:rate=30,${quarters},setsar=1`, '-t', String(seconds),
  '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', ...(aspect ? ['-aspect', aspect] : []),
]);

/** Copies a film to `target` with these nine numbers in its first track's header (ISO/IEC 14496-12, 8.3.2). */
export function writeTurned(file, target, matrix) {
  const bytes = Buffer.from(fs.readFileSync(file));
  const at = bytes.lastIndexOf('tkhd') + 44;
  matrix.forEach((number, i) => bytes.writeInt32BE(number, at + 4 * i));
  fs.writeFileSync(target, bytes);
  return target;
}

const colors = { red: [255, 0, 0], lime: [0, 255, 0], blue: [0, 0, 255], white: [255, 255, 255], black: [0, 0, 0] };
const distance = (a, b) => a.reduce((sum, level, i) => sum + (level - b[i]) ** 2, 0);

/** The colours in the quarters of a film's first picture, or an image's, above / below. `crop` is ffmpeg's. */
export async function quartersOf(file, { crop } = {}) {
  const filter = [crop && `crop=${crop}`, 'scale=4:4:flags=area', 'format=rgb24'].filter(Boolean).join(',');
  const child = new Child('ffmpeg', [
    '-nostdin', '-v', 'error', '-i', file, '-map', '0:v:0', '-frames:v', '1', '-vf', filter, '-f', 'rawvideo', '-',
  ]);
  const { code } = await child.ended(60_000);
  if (code !== 0) throw new Error(`ffmpeg could not read ${file}: ${child.stderr}`);
  const name = (x, y) => {
    const color = [...child.stdout.subarray((4 * y + x) * 3, (4 * y + x) * 3 + 3)];
    return Object.keys(colors).reduce((a, b) => (distance(color, colors[a]) <= distance(color, colors[b]) ? a : b));
  };
  return `${name(0, 0)} ${name(3, 0)} / ${name(0, 3)} ${name(3, 3)}`;
}
