// Just enough of a media playlist for the scenarios; the rules themselves are checked in llhls.js.

const attribute = (line, name) => new RegExp(`[:,]${name}=(?:"([^"]*)"|([^,]*))`).exec(line)?.slice(1).find((one) => one !== undefined);

/** {msn, segments: [{msn, duration, time, parts, uri, discontinuity, gap}], parts, hint, ended} of a playlist's text. */
export function parsePlaylist(text) {
  const playlist = { msn: 0, segments: [], parts: [], ended: false, discontinuities: 0, targetDuration: 0, partTarget: 0 };
  let open = { parts: [] };
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) playlist.msn = Number(line.slice(22));
    else if (line.startsWith('#EXT-X-TARGETDURATION:')) playlist.targetDuration = Number(line.slice(22));
    else if (line.startsWith('#EXT-X-PART-INF:')) playlist.partTarget = Number(attribute(line, 'PART-TARGET'));
    else if (line.startsWith('#EXTINF:')) open.duration = Number.parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) open.time = Date.parse(line.slice(25));
    else if (line === '#EXT-X-DISCONTINUITY') {
      playlist.discontinuities += 1;
      open.discontinuity = true;
    } else if (line === '#EXT-X-GAP') open.gap = true;
    else if (line.startsWith('#EXT-X-PART:')) {
      const uri = attribute(line, 'URI');
      const [, msn, part] = /(\d+)\.(\d+)\.m4s/.exec(uri).map(Number);
      const found = {
        msn, part, uri, duration: Number(attribute(line, 'DURATION')), independent: attribute(line, 'INDEPENDENT') === 'YES',
        gap: attribute(line, 'GAP') === 'YES',
      };
      open.parts.push(found);
      playlist.parts.push(found);
    } else if (line.startsWith('#EXT-X-PRELOAD-HINT:')) playlist.hint = attribute(line, 'URI');
    else if (line === '#EXT-X-ENDLIST') playlist.ended = true;
    else if (line && !line.startsWith('#')) {
      playlist.segments.push({ ...open, uri: line, msn: playlist.msn + playlist.segments.length });
      open = { parts: [] };
    }
  }
  return playlist;
}

/** The renditions and audio groups of a multivariant playlist. */
export function parseMultivariant(text) {
  const lines = text.split('\n');
  const variants = [];
  const audio = [];
  lines.forEach((line, index) => {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      variants.push({
        uri: lines[index + 1],
        track: lines[index + 1].split('/')[0],
        resolution: attribute(line, 'RESOLUTION'),
        codecs: attribute(line, 'CODECS'),
        frameRate: Number(attribute(line, 'FRAME-RATE')),
        bandwidth: Number(attribute(line, 'BANDWIDTH')),
      });
    }
    if (line.startsWith('#EXT-X-MEDIA:') && line.includes('TYPE=AUDIO')) {
      audio.push({ uri: attribute(line, 'URI'), channels: attribute(line, 'CHANNELS'), language: attribute(line, 'LANGUAGE') });
    }
  });
  return { variants, audio };
}
