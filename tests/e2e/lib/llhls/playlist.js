// Playlists as structures, and deltas put together again.

/** {NAME: value} of an attribute list. */
export function attributes(text) {
  const found = {};
  for (const [, name, quoted, plain] of text.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) found[name] = quoted ?? plain;
  return found;
}

const known = new Set(['EXTM3U', 'EXT-X-VERSION', 'EXT-X-TARGETDURATION', 'EXT-X-SERVER-CONTROL', 'EXT-X-PART-INF', 'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE', 'EXT-X-INDEPENDENT-SEGMENTS', 'EXT-X-SKIP', 'EXT-X-MAP', 'EXT-X-PROGRAM-DATE-TIME', 'EXT-X-PART', 'EXTINF', 'EXT-X-GAP',
  'EXT-X-DISCONTINUITY', 'EXT-X-PRELOAD-HINT', 'EXT-X-RENDITION-REPORT', 'EXT-X-ENDLIST', 'EXT-X-DEFINE', 'EXT-X-DATERANGE']);

const exactPart = (uri) => {
  const found = /(?:^|\/)(\d+)\.(\d+)\.m4s$/.exec(uri ?? '');
  return found ? { msn: Number(found[1]), part: Number(found[2]) } : null;
};

/** Which place a line has in the order of a playlist; segments repeat from `segment` on. */
const places = { head: 0, skip: 1, map: 2, date: 3, part: 4, gap: 5, extinf: 6, uri: 7, hint: 8, report: 9, end: 10 };
const placeOf = (tag) => ({
  'EXT-X-SKIP': 'skip', 'EXT-X-MAP': 'map', 'EXT-X-DISCONTINUITY': 'map', 'EXT-X-PROGRAM-DATE-TIME': 'date', 'EXT-X-PART': 'part', 'EXT-X-GAP': 'gap',
  EXTINF: 'extinf', 'EXT-X-PRELOAD-HINT': 'hint', 'EXT-X-RENDITION-REPORT': 'report', 'EXT-X-ENDLIST': 'end',
})[tag] ?? 'head';

/** Whether a line at this place may follow one at that place. */
function mayFollow(before, place) {
  if (before === place) return ['head', 'part', 'map', 'report'].includes(place);
  if (before === 'extinf') return place === 'uri' || place === 'gap';
  if (before === 'gap' && place === 'uri') return false;
  if (before === 'uri') return !['head', 'skip', 'extinf', 'part'].includes(place);
  if (place === 'uri') return before === 'extinf';
  return places[place] > places[before];
}

/** What stands in the URIs of a private session for each viewer's token. */
const placeholder = /[?&]token=\{\$token\}/g;
export const withoutTokens = (text) => text.replaceAll(placeholder, '');
const takesToken = (uri) => /[?&]token=\{\$token\}$/.test(uri);

/** What playlists that reach back to the session's start have in the URIs of playlists. */
export const withoutPast = (text) => text.replaceAll('index.m3u8?dvr=1', 'index.m3u8');
/** The address with more in its query. */
export const addQuery = (url, query) => `${url}${url.includes('?') ? '&' : '?'}${query}`;

/** Whether the playlist is one of a private session, and every URI in it takes the token. */
export function takesTokens(text) {
  const uris = text.split('\n').flatMap((line) => (line.startsWith('#') ? [...line.matchAll(/URI="([^"]*)"/g)].map(([, uri]) => uri) : [line])).filter(Boolean);
  const defined = text.split('\n').includes('#EXT-X-DEFINE:QUERYPARAM="token"');
  return { isPrivate: defined, complete: uris.every((uri) => takesToken(uri) === defined) };
}

/** A media playlist. segments: [{msn, uri, duration, date, parts, lines, gap, discontinuity}], the open one in `open`. */
export function parsePlaylist(text) {
  const playlist = { text, lines: [], segments: [], hints: [], reports: [], problems: [], ended: false, skipped: 0, msn: 0, open: null };
  let segment = { parts: [], lines: [] };
  let before = 'head';
  const lines = withoutTokens(text).split('\n');
  if (lines.pop() !== '') playlist.problems.push({ rule: 'tags-known', detail: 'the last line has no end' });
  if (lines[0] !== '#EXTM3U') playlist.problems.push({ rule: 'tags-known', detail: 'the first line is not #EXTM3U' });
  const take = {
    'EXT-X-VERSION': (value) => { playlist.version = Number(value); },
    'EXT-X-TARGETDURATION': (value) => { playlist.target = Number(value); },
    'EXT-X-SERVER-CONTROL': (value) => { playlist.serverControl = value; playlist.control = attributes(value); },
    'EXT-X-PART-INF': (value) => { playlist.partTarget = Number(attributes(value)['PART-TARGET']); },
    'EXT-X-MEDIA-SEQUENCE': (value) => { playlist.msn = Number(value); },
    'EXT-X-SKIP': (value) => { playlist.skipped = Number(attributes(value)['SKIPPED-SEGMENTS']); },
    'EXT-X-MAP': (value) => { playlist.map = attributes(value).URI; playlist.mapAt = playlist.segments.length + segment.parts.length; },
    'EXT-X-DISCONTINUITY': () => { segment.discontinuity = true; },
    'EXT-X-PROGRAM-DATE-TIME': (value) => { segment.date = Date.parse(value); segment.dateAfterParts = segment.parts.length > 0; },
    'EXT-X-PART': (value) => {
      const found = attributes(value);
      segment.parts.push({ uri: found.URI, duration: Number(found.DURATION), independent: found.INDEPENDENT === 'YES', gap: found.GAP === 'YES', line: value, place: exactPart(found.URI) });
    },
    'EXT-X-GAP': () => { segment.gap = true; },
    EXTINF: (value) => { segment.duration = Number.parseFloat(value); },
    'EXT-X-PRELOAD-HINT': (value) => { playlist.hints.push(attributes(value)); },
    'EXT-X-RENDITION-REPORT': (value) => { playlist.reports.push(attributes(value)); },
    'EXT-X-ENDLIST': () => { playlist.ended = true; },
  };
  for (const line of lines) {
    const [, tag, value = ''] = /^#(EXT[^:]*):?(.*)$/.exec(line) ?? [];
    if (line.startsWith('#') && !tag) continue;
    if (tag && !known.has(tag)) playlist.problems.push({ rule: 'tags-known', detail: line });
    if (!line) playlist.problems.push({ rule: 'tags-known', detail: 'an empty line' });
    const place = tag ? placeOf(tag) : 'uri';
    if (!mayFollow(before, place)) playlist.problems.push({ rule: 'tag-order', detail: `${line} after a line of kind ${before}` });
    before = place;
    if (places[place] >= places.map && places[place] <= places.uri) segment.lines.push(line);
    if (tag) take[tag]?.(value);
    else {
      playlist.segments.push({ ...segment, uri: line, msn: playlist.msn + playlist.skipped + playlist.segments.length });
      segment = { parts: [], lines: [] };
    }
  }
  if (segment.parts.length) playlist.open = { ...segment, msn: playlist.msn + playlist.skipped + playlist.segments.length };
  const newest = playlist.open ?? playlist.segments.at(-1);
  playlist.hint = exactPart(playlist.hints[0]?.URI);
  playlist.last = newest ? { msn: newest.msn, part: Math.max(0, newest.parts.length - 1) } : null;
  return playlist;
}

/** -1, 0 or 1 as part a lies before, at or after part b. */
export const compareParts = (a, b) => Math.sign(a.msn - b.msn) || Math.sign(a.part - b.part);

/** The lines of the segments of a full playlist; EXT-X-MAP counts for all and is left out. */
const segmentLines = (segment) => segment.lines.filter((line) => !line.startsWith('#EXT-X-MAP'));

/** The full playlist's segments that a delta stands for, or null when the older playlist does not reach far enough. */
export function applyDelta(delta, older) {
  const skipped = [];
  for (let msn = delta.msn; msn < delta.msn + delta.skipped; msn++) {
    const found = older.segments.find((segment) => segment.msn === msn);
    if (!found) return null;
    skipped.push(found.lines.filter((line) => !line.startsWith('#EXT-X-PART:')));
  }
  return [...skipped.map((lines) => lines.filter((line) => !line.startsWith('#EXT-X-MAP'))), ...[...delta.segments, ...(delta.open ? [delta.open] : [])].map(segmentLines)];
}

export const fullLines = (full) => [...full.segments, ...(full.open ? [full.open] : [])].map(segmentLines);

/** Variants and audio renditions of a multivariant playlist. */
export function parseMultivariant(text) {
  const lines = withoutTokens(text).split('\n');
  const found = { variants: [], audio: [], independent: lines.includes('#EXT-X-INDEPENDENT-SEGMENTS') };
  lines.forEach((line, index) => {
    if (line.startsWith('#EXT-X-STREAM-INF:')) found.variants.push({ ...attributes(line.slice(18)), uri: lines[index + 1] });
    if (line.startsWith('#EXT-X-MEDIA:')) {
      const media = attributes(line.slice(13));
      if (media.TYPE === 'AUDIO') found.audio.push(media);
    }
  });
  return found;
}
