// What a viewer sees and hears, measured on downloaded files.
import { Child } from './child.js';
import { probe } from './media.js';

async function filterOutput(file, args) {
  const child = new Child('ffmpeg', ['-nostdin', '-v', 'info', '-nostats', '-i', file, ...args, '-f', 'null', '-']);
  const { code } = await child.ended(60_000);
  if (code !== 0) throw new Error(`ffmpeg could not read ${file}: ${child.stderr}`);
  return child.stderr;
}

/** Frames in a file, and how many of them show something else than the one before. */
export async function countFrames(file) {
  const { streams } = await probe(file, ['-count_frames', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_frames,width,height,profile,level']);
  const said = await filterOutput(file, ['-map', '0:v', '-vf', 'mpdecimate=max=0:hi=400:lo=200:frac=0.02,showinfo', '-fps_mode', 'passthrough']);
  const moving = [...said.matchAll(/Parsed_showinfo[^\n]* n: *\d+ /g)].length;
  return { all: Number(streams[0].nb_read_frames), moving, width: streams[0].width, height: streams[0].height };
}

/** Start times of the frames of a stream ("v" or "a"), in seconds. */
export async function frameTimes(file, kind = 'v') {
  const { packets } = await probe(file, ['-select_streams', `${kind}:0`, '-show_entries', 'packet=pts_time']);
  return packets.map((packet) => Number(packet.pts_time)).sort((a, b) => a - b);
}

/** Loudness of a file's sound: {mean, max} in dB. Digital silence is about -91. */
export async function loudness(file) {
  const said = await filterOutput(file, ['-map', '0:a', '-af', 'volumedetect']);
  return {
    mean: Number(/mean_volume: (\S+) dB/.exec(said)[1]),
    max: Number(/max_volume: (\S+) dB/.exec(said)[1]),
  };
}
