// Just enough of ISO BMFF to hold media against its playlist.

/** [{type, body}] of the boxes in a buffer; throws when they do not fill it. */
export function boxes(buffer) {
  const found = [];
  for (let at = 0; at < buffer.length;) {
    const size = at + 8 <= buffer.length ? buffer.readUInt32BE(at) : 0;
    if (size < 8 || at + size > buffer.length) throw new Error(`box at ${at} has size ${size} of ${buffer.length}`);
    found.push({ type: buffer.toString('latin1', at + 4, at + 8), body: buffer.subarray(at + 8, at + size), at, size });
    at += size;
  }
  return found;
}

const child = (buffer, ...path) => path.reduce((body, type) => (body ? boxes(body).find((box) => box.type === type)?.body : undefined), buffer);

/** {kind, timescale, codec, lengthSize, trex} of an init segment. */
export function readInit(buffer) {
  const trak = child(buffer, 'moov', 'trak');
  const mdhd = child(trak, 'mdia', 'mdhd');
  const kind = child(trak, 'mdia', 'hdlr').toString('latin1', 8, 12) === 'vide' ? 'video' : 'audio';
  const entry = boxes(child(trak, 'mdia', 'minf', 'stbl', 'stsd').subarray(8))[0];
  const trex = child(buffer, 'moov', 'mvex', 'trex');
  const init = {
    kind, timescale: mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12), codec: entry.type, lengthSize: 4,
    defaults: { duration: trex.readUInt32BE(12), size: trex.readUInt32BE(16), flags: trex.readUInt32BE(20) },
  };
  if (entry.type === 'avc1' || entry.type === 'avc3') {
    const avcC = boxes(entry.body.subarray(78)).find((box) => box.type === 'avcC').body;
    init.lengthSize = (avcC[4] & 3) + 1;
    init.codecs = `${entry.type}.${avcC.subarray(1, 4).toString('hex')}`;
  } else if (entry.type === 'mp4a') init.codecs = 'mp4a.40.2';
  return init;
}

function readRun(trun, defaults) {
  const flags = trun.readUInt32BE(0) & 0xffffff;
  const count = trun.readUInt32BE(4);
  let at = 8 + (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0);
  const samples = [];
  for (let i = 0; i < count; i++) {
    const sample = { duration: defaults.duration, size: defaults.size };
    if (flags & 0x100) { sample.duration = trun.readUInt32BE(at); at += 4; }
    if (flags & 0x200) { sample.size = trun.readUInt32BE(at); at += 4; }
    if (flags & 0x400) at += 4;
    if (flags & 0x800) at += 4;
    samples.push(sample);
  }
  return samples;
}

function readTfhd(tfhd, init) {
  const flags = tfhd.readUInt32BE(0) & 0xffffff;
  const defaults = { ...init };
  let at = 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0);
  if (flags & 8) { defaults.duration = tfhd.readUInt32BE(at); at += 4; }
  if (flags & 16) { defaults.size = tfhd.readUInt32BE(at); at += 4; }
  return defaults;
}

/** The NAL unit types of a sample. */
function nalTypes(sample, lengthSize) {
  const types = [];
  for (let at = 0; at + lengthSize < sample.length;) {
    const size = sample.readUIntBE(at, lengthSize);
    types.push(sample[at + lengthSize] & 31);
    at += lengthSize + size;
  }
  return types;
}

/** How many bytes of a segment its first sample needs: up to the end of it. */
export function keyBytes(segment, init) {
  const moof = boxes(segment).find((box) => box.type === 'moof');
  const mdat = boxes(segment).find((box) => box.type === 'mdat' && box.at > moof.at);
  const traf = child(moof.body, 'traf');
  return mdat.at + 8 + readRun(child(traf, 'trun'), readTfhd(child(traf, 'tfhd'), init.defaults))[0].size;
}

/** {time, duration (ticks), samples, startsWithIdr} of a part or segment; time is that of the first fragment. */
export function readMedia(buffer, init) {
  const media = { time: null, duration: 0, samples: 0, startsWithIdr: false, fragments: 0, continuous: true };
  let pending = null;
  for (const { type, body } of boxes(buffer)) {
    if (type === 'moof') {
      const trafs = boxes(body).filter((box) => box.type === 'traf');
      if (trafs.length !== 1) throw new Error(`${trafs.length} tracks in one moof`);
      const traf = trafs[0].body;
      const tfdt = child(traf, 'tfdt');
      const time = tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
      const defaults = readTfhd(child(traf, 'tfhd'), init.defaults);
      const samples = boxes(traf).filter((box) => box.type === 'trun').flatMap((box) => readRun(box.body, defaults));
      if (media.time === null) media.time = time;
      else if (media.time + media.duration !== time) media.continuous = false;
      media.duration += samples.reduce((sum, { duration }) => sum + duration, 0);
      media.samples += samples.length;
      pending = samples;
    } else if (type === 'mdat') {
      if (!pending) throw new Error('mdat without moof');
      const size = pending.reduce((sum, sample) => sum + sample.size, 0);
      if (size !== body.length) throw new Error(`samples have ${size} bytes, mdat ${body.length}`);
      if (media.fragments === 0 && init.kind === 'video') media.startsWithIdr = nalTypes(body.subarray(0, pending[0].size), init.lengthSize).includes(5);
      media.fragments += 1;
      pending = null;
    }
  }
  if (pending || !media.fragments) throw new Error('moof without mdat');
  return media;
}
