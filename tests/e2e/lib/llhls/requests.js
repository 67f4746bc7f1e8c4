// Rules about single requests: directives, headers, conditions, ranges.
import { gunzipSync } from 'node:zlib';
import { fetchText, maxAge } from './fetch.js';
import { addQuery, compareParts, parsePlaylist } from './playlist.js';

const atOnce = 1000; // ms: less than any hold

/** The table of delivery directives, on one playlist. */
export async function checkDirectives(book, url, shared) {
  const name = new URL(url).pathname;
  const note = (rule, holds, detail) => book.expect(rule, holds, `${name}: ${detail}`);
  const ask = (query, options) => fetchText(addQuery(url, query), options);
  const current = async () => parsePlaylist((await fetchText(url)).text);
  const refused = async (rule, query) => {
    const answer = await ask(query);
    note(rule, answer.status === 400, `${query}: status ${answer.status}`);
    const blocking = /_HLS_(msn|part)/.test(query);
    const age = blocking ? 4 * shared.target : shared.target;
    note(blocking ? 'cache-failure-blocking' : 'cache-failure-plain', maxAge(answer) === age, `${query}: ${answer.headers['cache-control']}`);
    note('cors', answer.headers['access-control-allow-origin'] === '*', `${query}: no Access-Control-Allow-Origin`);
  };

  let playlist = await current();
  await refused('directive-part-without-msn', '_HLS_part=0');
  for (const garbage of ['_HLS_msn=', '_HLS_msn=abc', '_HLS_msn=-1', '_HLS_msn=1.5', '_HLS_msn=0x10', `_HLS_msn=${playlist.last.msn}&_HLS_part=`,
    `_HLS_msn=${playlist.last.msn}&_HLS_part=-1`, `_HLS_msn=${playlist.last.msn}&_HLS_part=x`, '_HLS_skip=maybe', '_HLS_skip=']) await refused('directive-garbage', garbage);
  playlist = await current();
  for (const far of [5, 100, 1e9]) await refused('directive-msn-far', `_HLS_msn=${playlist.last.msn + far}`);
  await refused('directive-msn-far', '_HLS_msn=99999999999999999999');
  const limit = shared.partTarget < 1 ? Math.ceil(3 / shared.partTarget) : 3;
  await refused('directive-part-far', `_HLS_msn=${playlist.last.msn + 1}&_HLS_part=${limit + 50}`);

  for (const part of ['', '&_HLS_part=0', '&_HLS_part=9999']) {
    playlist = await current();
    const listed = playlist.segments.at(0).msn;
    const answer = await ask(`_HLS_msn=${listed}${part}`);
    note('directive-msn-listed', answer.status === 200 && answer.endedAt - answer.startedAt < atOnce, `_HLS_msn=${listed}${part}: status ${answer.status}`);
  }
  const old = await ask('_HLS_msn=0&_HLS_part=0');
  note('directive-msn-old', old.status === 200 && old.endedAt - old.startedAt < atOnce, `_HLS_msn=0: status ${old.status} after ${Math.round(old.endedAt - old.startedAt)} ms`);

  playlist = await current();
  const open = playlist.last.msn;
  const count = Math.max(...playlist.segments.map(({ parts }) => parts.length), 1);
  const past = await ask(`_HLS_msn=${open}&_HLS_part=${count}`);
  const answered = past.status === 200 ? parsePlaylist(past.text) : null;
  note('directive-part-past-end', answered?.ended || (answered && compareParts(answered.last, { msn: open + 1, part: 0 }) >= 0), `_HLS_msn=${open}&_HLS_part=${count}: status ${past.status}, up to ${answered?.last?.msn}.${answered?.last?.part}`);

  playlist = await current();
  const wanted = (playlist.segments.at(-1)?.msn ?? playlist.last.msn) + 1;
  const whole = await ask(`_HLS_msn=${wanted}`);
  const got = whole.status === 200 ? parsePlaylist(whole.text) : null;
  note('directive-whole-segment', got && (got.ended || got.segments.at(-1).msn >= wanted), `_HLS_msn=${wanted}: status ${whole.status}, up to ${got?.segments.at(-1)?.msn}`);
  const other = await ask(`token=abc&CMCD=x&_HLS_msn=${wanted}`);
  note('directive-unknown-ignored', other.status === 200, `unknown parameters: status ${other.status}`);
}

/** Whether nothing of a file's name is there or hinted yet. */
async function isAhead(url, name) {
  const [, msn, part] = /^(\d+)(?:\.(\d+))?\.m4s$/.exec(name).map(Number);
  const { hint, ended } = parsePlaylist((await fetchText(url)).text);
  return !ended && compareParts({ msn, part: part || 0 }, hint) > 0;
}

export async function checkUnknown(book, url, shared) {
  const playlist = parsePlaylist((await fetchText(url)).text);
  const { msn, part } = playlist.hint;
  const future = [`${msn}.${part + 5}.m4s`, `${msn + 2}.0.m4s`, `${msn + 1}.m4s`];
  const names = [...future, '999999.m4s', '00.m4s', 'x.m4s', '1.2.3.m4s', 'init.mp3', '../../etc', '%2e%2e'];
  for (const name of names) {
    const answer = await fetchText(new URL(url).origin + new URL(url).pathname.replace('index.m3u8', name));
    if (future.includes(name) && !(await isAhead(url, name))) continue; // its time came before its answer
    const quick = answer.endedAt - answer.startedAt < atOnce;
    book.expect('unhinted-404', [400, 404].includes(answer.status) && quick, `${name}: status ${answer.status} after ${Math.round(answer.endedAt - answer.startedAt)} ms`);
    if (/^\d+(\.\d+)?\.m4s$/.test(name) && answer.status === 404) book.expect('cache-failure-plain', maxAge(answer) === shared.target, `${name}: ${answer.headers['cache-control']}`);
  }
  const strange = new URL(url);
  strange.pathname = strange.pathname.replace(/\/live\/[^/]+\//, '/live/aaaaaaaaaaaaaaaaaaaaaaaaaa/');
  if (strange.href !== url) {
    const { status } = await fetchText(strange.href);
    book.expect('session-404', status === 404, `${strange.pathname}: status ${status}`);
  }
}

/** gzip, ETag, HEAD and CORS of a playlist. */
export async function checkPlaylistRequests(book, url) {
  const name = new URL(url).pathname;
  const note = (rule, holds, detail) => book.expect(rule, holds, `${name}: ${detail}`);
  let same = false;
  let conditional;
  for (let attempt = 0; attempt < 60 && !(same && conditional?.status === 304); attempt++) {
    const plain = await fetchText(url);
    const [zipped, again] = await Promise.all([fetchText(url, { headers: { 'accept-encoding': 'gzip' } }), fetchText(url, { headers: { 'if-none-match': plain.headers.etag ?? '' } })]);
    conditional = again;
    same = zipped.headers['content-encoding'] === 'gzip' && /accept-encoding/i.test(zipped.headers.vary ?? '') && gunzipSync(zipped.body).equals(plain.body);
  }
  note('gzip', same, 'the gzipped playlist differs or is not there');
  note('etag-304', conditional.status === 304 && conditional.body.length === 0 && conditional.headers.etag !== undefined, `If-None-Match: status ${conditional.status}`);
  const head = await fetchText(url, { method: 'HEAD' });
  note('head', head.status === 200 && head.body.length === 0 && Number(head.headers['content-length']) > 0 && head.headers['content-type'] === 'application/vnd.apple.mpegurl', `HEAD: status ${head.status}`);
  const preflight = await fetchText(url, { method: 'OPTIONS', headers: { origin: 'https://viewer.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'range' } });
  note('preflight', [200, 204].includes(preflight.status) && preflight.headers['access-control-allow-origin'] === '*' && /GET/.test(preflight.headers['access-control-allow-methods'] ?? '')
    && /range/i.test(preflight.headers['access-control-allow-headers'] ?? ''), `OPTIONS: status ${preflight.status}`);
}

/** Conditions, HEAD and ranges of a media file. */
export async function checkMediaRequests(book, url) {
  const name = new URL(url).pathname;
  const note = (rule, holds, detail) => book.expect(rule, holds, `${name}: ${detail}`);
  const whole = await fetchText(url);
  if (whole.status !== 200) return;
  const size = whole.body.length;
  const conditional = await fetchText(url, { headers: { 'if-none-match': whole.headers.etag ?? '' } });
  note('etag-304', conditional.status === 304 && conditional.body.length === 0, `If-None-Match: status ${conditional.status}`);
  const head = await fetchText(url, { method: 'HEAD' });
  note('head', head.status === 200 && Number(head.headers['content-length']) === size && head.headers.etag === whole.headers.etag, `HEAD: status ${head.status}, ${head.headers['content-length']} of ${size}`);
  const ranges = [[`bytes=0-99`, 0, 100], [`bytes=${size - 10}-`, size - 10, size], ['bytes=-7', size - 7, size], [`bytes=5-${size + 100}`, 5, size]];
  for (const [range, from, to] of ranges) {
    const answer = await fetchText(url, { headers: { range } });
    const end = Math.min(to, size);
    note('range', answer.status === 206 && answer.body.equals(whole.body.subarray(from, end)) && answer.headers['content-range'] === `bytes ${from}-${end - 1}/${size}`, `${range}: status ${answer.status}, ${answer.headers['content-range']}`);
  }
  const beyond = await fetchText(url, { headers: { range: `bytes=${size}-` } });
  note('range', beyond.status === 416 && beyond.headers['content-range'] === `bytes */${size}`, `beyond the end: status ${beyond.status}`);
}

export async function checkAfterEnd(book, url) {
  for (const query of ['_HLS_msn=999999&_HLS_part=0', '_HLS_part=3', '_HLS_msn=0', '_HLS_msn=x', '_HLS_skip=YES']) {
    const answer = await fetchText(addQuery(url, query));
    book.expect('end-directives-ignored', answer.status === 200 && parsePlaylist(answer.text).ended && answer.endedAt - answer.startedAt < atOnce, `${query}: status ${answer.status}`);
  }
}
