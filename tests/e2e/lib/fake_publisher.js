// A publisher without a worker: synthetic CMAF parts on an exact grid, PUT to an origin in real time.
//
//   node tests/e2e/lib/fake_publisher.js ORIGIN SESSION SECRET [SECONDS] [RATE]
//
// The picture and the sound come from ffmpeg once; from then on the same two segments of them are published again and again
// with running times, so that it costs next to nothing.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { pathToFileURL } from 'node:url';
import { mostIdle } from './http.js';

const u32 = (...values) => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
};
const u16 = (...values) => {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index));
  return bytes;
};
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const box = (type, ...contents) => {
  const body = Buffer.concat(contents);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
};
const fullBox = (type, version, flags, ...contents) => box(type, u32((version << 24) | flags), ...contents);
const matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

function avcEntry({ width, height, sps, pps }) {
  const avcC = box('avcC', Buffer.from([1, sps[1], sps[2], sps[3], 0xff, 0xe1]), u16(sps.length), sps, Buffer.from([1]), u16(pps.length), pps);
  return box('avc1', Buffer.alloc(6), u16(1), Buffer.alloc(16), u16(width, height), u32(0x480000, 0x480000, 0), u16(1), Buffer.alloc(32), u16(0x18, 0xffff), avcC);
}

function mp4aEntry() {
  const config = Buffer.from([0x11, 0x90]); // AAC-LC, 48 kHz, stereo
  const specific = Buffer.concat([Buffer.from([5, config.length]), config]);
  const decoder = Buffer.concat([Buffer.from([4, 13 + specific.length, 0x40, 0x15, 0, 0, 0]), u32(128000, 128000), specific]);
  const descriptor = Buffer.concat([Buffer.from([3, 3 + decoder.length + 3, 0, 1, 0]), decoder, Buffer.from([6, 1, 2])]);
  return box('mp4a', Buffer.alloc(6), u16(1), Buffer.alloc(8), u16(2, 16, 0, 0), u32(48000 * 65536), fullBox('esds', 0, 0, descriptor));
}

function initSegment(track) {
  const video = track.kind === 'video';
  const entry = video ? avcEntry(track) : mp4aEntry();
  const empty = ['stts', 'stsc', 'stco'].map((type) => fullBox(type, 0, 0, u32(0)));
  const stbl = box('stbl', fullBox('stsd', 0, 0, u32(1), entry), ...empty, fullBox('stsz', 0, 0, u32(0, 0)));
  const header = video ? fullBox('vmhd', 0, 1, Buffer.alloc(8)) : fullBox('smhd', 0, 0, Buffer.alloc(4));
  const minf = box('minf', header, box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1))), stbl);
  const mdia = box('mdia', fullBox('mdhd', 0, 0, u32(0, 0, track.timescale, 0), u16(0x55c4, 0)),
    fullBox('hdlr', 0, 0, u32(0), Buffer.from(video ? 'vide' : 'soun'), Buffer.alloc(12), Buffer.from('x\0')), minf);
  const tkhd = fullBox('tkhd', 0, 3, u32(0, 0, 1, 0, 0, 0, 0), u16(0, 0, video ? 0 : 0x100, 0), matrix,
    u32((track.width ?? 0) << 16, (track.height ?? 0) << 16));
  const moov = box('moov', fullBox('mvhd', 0, 0, u32(0, 0, 1000, 0, 0x10000), u16(0x100, 0), Buffer.alloc(8), matrix, Buffer.alloc(24), u32(2)),
    box('trak', tkhd, mdia), box('mvex', fullBox('trex', 0, 0, u32(1, 1, 0, 0, 0))));
  return Buffer.concat([box('ftyp', Buffer.from('iso6'), u32(0), Buffer.from('iso6cmfcmp41')), moov]);
}

/** One moof and mdat. samples: [{data, duration, key}] */
export function fragment({ sequence, time, samples }) {
  const flags = (sample) => (sample.key ? 0x02000000 : 0x01010000);
  const entries = samples.map((sample) => u32(sample.duration, sample.data.length, flags(sample)));
  const build = (offset) => box('moof', fullBox('mfhd', 0, 0, u32(sequence)),
    box('traf', fullBox('tfhd', 0, 0x020000, u32(1)), fullBox('tfdt', 1, 0, u64(time)),
      fullBox('trun', 0, 0x701, u32(samples.length, offset), ...entries)));
  const moof = build(build(0).length + 8);
  return Buffer.concat([moof, box('mdat', ...samples.map((sample) => sample.data))]);
}

/** Annex B → access units of {data (length-prefixed), key}, and the parameter sets. */
function splitH264(stream) {
  const starts = [];
  for (let i = 0; i + 3 < stream.length; i++) {
    if (stream[i] === 0 && stream[i + 1] === 0 && stream[i + 2] === 1) starts.push(i + 3);
  }
  const found = { frames: [] };
  starts.forEach((start, index) => {
    let end = index + 1 < starts.length ? starts[index + 1] - 3 : stream.length;
    while (stream[end - 1] === 0) end--;
    const nal = stream.subarray(start, end);
    const type = nal[0] & 31;
    if (type === 7) found.sps = nal;
    if (type === 8) found.pps = nal;
    if (type === 1 || type === 5) found.frames.push({ data: Buffer.concat([u32(nal.length), nal]), key: type === 5 });
  });
  return found;
}

function splitAdts(stream) {
  const frames = [];
  for (let at = 0; at + 7 <= stream.length;) {
    const size = ((stream[at + 3] & 3) << 11) | (stream[at + 4] << 3) | (stream[at + 5] >> 5);
    frames.push({ data: stream.subarray(at + 7, at + size), key: true });
    at += size;
  }
  return frames;
}

const ffmpeg = (...args) => execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', ...args], { maxBuffer: 1 << 28 });

const greatestDivisor = (a, b) => (b ? greatestDivisor(b, a % b) : a);

export class FakePublisher {
  /** rate: {num, den}; videos: [{name, width, height, kbits, grain}], where grain is what fills many bits; audio: whether there is a track of it. */
  constructor({ origin, session, secret, rate = { num: 30, den: 1 }, partMs = 200, segmentMs = 2000, audio = true, startSegment = 0,
    videos = [{ name: 'v360', width: 640, height: 360, kbits: 800 }, { name: 'v240', width: 426, height: 240, kbits: 300 }] }) {
    Object.assign(this, { origin, session, rate, startSegment, put: 0, answers: new Map(), stopped: false, paused: new Set() });
    this.token = createHmac('sha256', secret).update(`publish:${session}`).digest('base64url');
    this.framesPerPart = Math.max(1, Math.round((partMs / 1000) * (rate.num / rate.den)));
    this.partsPerSegment = Math.max(1, Math.round(segmentMs / 1000 / (this.framesPerPart * rate.den / rate.num)));
    this.framesPerSegment = this.framesPerPart * this.partsPerSegment;
    this.agent = new http.Agent({ keepAlive: true, timeout: mostIdle });
    this.tracks = videos.map((video) => this.makeVideo(video));
    if (audio) this.tracks.push(this.makeAudio());
    const longest = Math.max(this.framesPerPart * rate.den / rate.num, audio ? (this.longestAudioPart() * 1024) / 48000 : 0);
    this.publication = {
      epoch_utc_us: 0, grid_rate: rate, frames_per_part: this.framesPerPart, parts_per_segment: this.partsPerSegment,
      part_target_us: Math.ceil(longest * 1000 - 1e-9) * 1000,
      target_duration_s: Math.max(1, Math.round(this.framesPerSegment * rate.den / rate.num)),
      tracks: this.tracks.map(({ description }) => description),
    };
  }

  makeVideo({ name, width, height, kbits, grain = false }) {
    const { num, den } = this.rate;
    const stream = ffmpeg('-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${num}/${den}${grain ? ',noise=alls=80:allf=t' : ''}`, '-frames:v', String(2 * this.framesPerSegment),
      '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'baseline', '-x264-params', `keyint=${this.framesPerSegment}:scenecut=0:slices=1:threads=1`,
      '-b:v', `${kbits}k`, '-maxrate', `${kbits}k`, '-bufsize', `${kbits}k`, '-pix_fmt', 'yuv420p', '-f', 'h264', '-');
    const { frames, sps, pps } = splitH264(stream);
    const timescale = num * (greatestDivisor(90000, num) === num ? 90000 / num : 1);
    const track = { name, kind: 'video', width, height, timescale, sps, pps, samples: frames };
    track.startOf = (frame) => Math.round((frame * timescale * den) / num);
    track.firstOf = (part) => part * this.framesPerPart;
    track.description = { name, kind: 'video', codecs: `avc1.${sps.subarray(1, 4).toString('hex')}`, timescale, bandwidth: kbits * 1200, average_bandwidth: kbits * 1000, width, height, rate: this.rate };
    return track;
  }

  makeAudio() {
    const frames = splitAdts(ffmpeg('-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '4', '-ac', '2', '-c:a', 'aac', '-b:a', '128k', '-f', 'adts', '-'));
    return {
      name: 'audio', kind: 'audio', timescale: 48000, samples: frames, startOf: (frame) => frame * 1024, firstOf: (part) => this.firstAudioOf(part),
      description: { name: 'audio', kind: 'audio', codecs: 'mp4a.40.2', timescale: 48000, bandwidth: 160000, average_bandwidth: 128000, channels: 2, language: 'und' },
    };
  }

  /** The first audio frame that begins at or after the part's start. */
  firstAudioOf(part) {
    const { num, den } = this.rate;
    return Number((BigInt(part) * BigInt(this.framesPerPart * den) * 48000n + BigInt(num) * 1024n - 1n) / (BigInt(num) * 1024n));
  }

  longestAudioPart() {
    let longest = 0;
    for (let part = 0; part < 2000; part++) longest = Math.max(longest, this.firstAudioOf(part + 1) - this.firstAudioOf(part));
    return longest;
  }

  async request(method, path, body, headers = {}) {
    const answer = await new Promise((resolve, reject) => {
      const sent = http.request(`${this.origin}/publish/${this.session}${path}`,
        { method, agent: this.agent, headers: { authorization: `Bearer ${this.token}`, ...headers } }, (response) => {
          const blocks = [];
          response.on('data', (block) => blocks.push(block));
          response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(blocks).toString() }));
        });
      sent.on('error', reject);
      sent.setTimeout(15000, () => sent.destroy(new Error('timeout')));
      sent.end(body);
    });
    this.answers.set(answer.status, (this.answers.get(answer.status) ?? 0) + 1);
    return answer;
  }

  /** The bytes and headers of a part: number counts from the session's start. */
  makePart(track, number) {
    const first = track.firstOf(number);
    const count = track.firstOf(number + 1) - first;
    const samples = Array.from({ length: count }, (_, i) => ({
      ...track.samples[(first + i) % track.samples.length], duration: track.startOf(first + i + 1) - track.startOf(first + i),
    }));
    const headers = {
      'x-part-start': track.startOf(first), 'x-part-duration': track.startOf(first + count) - track.startOf(first),
      'x-arrival-time': String(Date.now() * 1000),
    };
    if (samples[0].key) headers['x-independent'] = '1';
    if (number % this.partsPerSegment === this.partsPerSegment - 1) headers['x-last-in-segment'] = '1';
    return { body: fragment({ sequence: number + 1, time: track.startOf(first), samples }), headers };
  }

  async announce() {
    const answer = await this.request('PUT', '', JSON.stringify(this.publication));
    if (answer.status > 201) throw new Error(`publication: ${answer.status} ${answer.text}`);
    for (const track of this.tracks) {
      const { status, text } = await this.request('PUT', `/${track.name}/init.mp4`, initSegment(track));
      if (status > 201) throw new Error(`init of ${track.name}: ${status} ${text}`);
    }
  }

  /** Calls `attempt` until it gives something truthy, while the origin cannot be reached; 0 when it never did. */
  async #insist(attempt) {
    for (let tries = 0; !this.stopped && tries < 100; tries++) {
      try {
        const answer = await attempt();
        if (answer) return answer;
      } catch (error) {
        if (!error.code && error.message !== 'timeout') throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    return 0;
  }

  /** Sends one part until the origin has it. */
  send(track, number) {
    const { body, headers } = this.makePart(track, number);
    const name = `/${track.name}/${Math.floor(number / this.partsPerSegment)}.${number % this.partsPerSegment}.m4s`;
    return this.#insist(async () => {
      const { status, text } = await this.request('PUT', name, body, headers);
      if (status < 300 || status === 507) return status;
      if (status === 404) await this.announce();
      else if (status === 409) await this.catchUp(track, number);
      else throw new Error(`${name}: ${status} ${text}`);
      return 0;
    });
  }

  /** Says that a segment's parts were given up. */
  async gap(track, segment) {
    for (let part = 0; part < this.partsPerSegment; part++) {
      const { headers } = this.makePart(track, segment * this.partsPerSegment + part);
      delete headers['x-independent'];
      const { status, text } = await this.request('PUT', `/${track.name}/${segment}.${part}.m4s`, '', { ...headers, 'x-gap': '1' });
      if (status > 299) throw new Error(`gap ${segment}.${part} of ${track.name}: ${status} ${text}`);
    }
  }

  /** What an origin that came back has not, is sent again. */
  async catchUp(track, number) {
    const { status, text } = await this.request('GET', '');
    if (status === 404) return; // killed before it had the announcement on disk: it says so of the part too
    const { next } = JSON.parse(text).tracks.find((one) => one.name === track.name);
    for (let missing = next.segment * this.partsPerSegment + next.part; missing < number; missing++) await this.send(track, missing);
  }

  /** Publishes in real time until stop() or for so many seconds; late is how long after its end a part goes out, in ms. */
  async run({ seconds = Infinity, late = 5 } = {}) {
    const partMs = (1000 * this.framesPerPart * this.rate.den) / this.rate.num;
    const first = this.startSegment * this.partsPerSegment;
    const epoch = Date.now() - first * partMs;
    this.publication.epoch_utc_us = epoch * 1000;
    await this.#insist(() => this.announce().then(() => true));
    const pending = new Set();
    for (let number = first; !this.stopped && (number - first) * partMs < seconds * 1000; number++) {
      await new Promise((resolve) => setTimeout(resolve, epoch + (number + 1) * partMs + late - Date.now()));
      for (const track of this.tracks) {
        if (this.paused.has(track.name)) continue;
        const chain = (track.chain ?? Promise.resolve()).then(() => this.send(track, number));
        track.chain = chain;
        pending.add(chain);
        chain.finally(() => pending.delete(chain)).catch(() => {});
      }
      this.put = number + 1;
    }
    await Promise.all(pending);
  }

  stop() {
    this.stopped = true;
  }

  end() {
    return this.request('DELETE', '');
  }

  close() {
    this.agent.destroy();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [origin, session, secret, seconds = '30', rate = '30/1'] = process.argv.slice(2);
  if (!secret) {
    console.error('usage: node fake_publisher.js ORIGIN SESSION SECRET [SECONDS] [RATE]');
    process.exit(2);
  }
  const [num, den = 1] = rate.split('/').map(Number);
  const publisher = new FakePublisher({ origin, session, secret, rate: { num, den } });
  await publisher.run({ seconds: Number(seconds) });
  const { status } = await publisher.end();
  console.log(JSON.stringify({ ended: status, answers: Object.fromEntries(publisher.answers) }));
  publisher.close();
}
