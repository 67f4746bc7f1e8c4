// A short recording in two sizes with sound of its own, served as if it were live: each segment is listed when its time has come.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Encodes a recording of so many seconds into `folder`. */
export async function record(folder, seconds) {
  const sizes = [['0', '1280x720', '800k'], ['1', '640x360', '300k']];
  await promisify(execFile)('ffmpeg', [
    '-nostdin', '-v', 'error',
    '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=15:duration=${seconds}`,
    '-f', 'lavfi', '-i', `sine=frequency=330:sample_rate=48000:duration=${seconds}`,
    '-map', '0:v', '-map', '0:v', '-map', '1:a',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '15', '-sc_threshold', '0', '-pix_fmt', 'yuv420p',
    ...sizes.flatMap(([index, size, rate]) => [`-s:v:${index}`, size, `-b:v:${index}`, rate]),
    '-c:a', 'aac', '-ac', '2', '-b:a', '96k',
    '-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_segment_type', 'fmp4',
    '-hls_fmp4_init_filename', 'init_%v.mp4', '-hls_segment_filename', path.join(folder, '%v_%d.m4s'),
    '-var_stream_map', 'v:0,agroup:sound v:1,agroup:sound a:0,agroup:sound,default:yes',
    '-master_pl_name', 'index.m3u8', path.join(folder, 'track_%v.m3u8'),
  ]);
}

/** The recording as a broadcast that began at `beganAt` (Date.now). */
export class Broadcast {
  constructor(folder, beganAt = Date.now()) {
    this.folder = folder;
    this.beganAt = beganAt;
    this.ended = false;
  }

  /** The file's bytes as they are at this moment, or null when there is no such file. */
  async file(name) {
    if (!/^[a-z0-9_]+\.(m3u8|mp4|m4s)$/.test(name)) return null;
    const bytes = await fs.readFile(path.join(this.folder, name)).catch(() => null);
    return bytes && name.startsWith('track_') ? this.#listed(bytes.toString()) : bytes;
  }

  #listed(whole) {
    const elapsed = (Date.now() - this.beganAt) / 1000;
    const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:0', whole.match(/#EXT-X-MAP:.*/)[0]];
    let at = 0;
    for (const [, duration, uri] of whole.matchAll(/#EXTINF:([\d.]+),\n(.+)/g)) {
      if (at + Number(duration) > elapsed) break;
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(this.beganAt + at * 1000).toISOString()}`, `#EXTINF:${duration},`, uri);
      at += Number(duration);
    }
    if (this.ended) lines.push('#EXT-X-ENDLIST');
    return `${lines.join('\n')}\n`;
  }
}
