// Checks a running session against every rule of low-latency HLS that can be seen from outside.
//
//   node tests/e2e/lib/llhls.js URL [SECONDS]
//
// URL is that of the multivariant playlist. Prints the broken rules; exit code 1 when there are any.
import { pathToFileURL } from 'node:url';
import { closeConnections, fetchText, maxAge, useTokens } from './llhls/fetch.js';
import { Follower } from './llhls/follow.js';
import { addQuery, parseMultivariant, parsePlaylist, takesTokens, withoutPast, withoutTokens } from './llhls/playlist.js';
import { checkAfterEnd, checkDirectives, checkMediaRequests, checkPlaylistRequests, checkUnknown } from './llhls/requests.js';
import { Book, rules } from './llhls/rules.js';

export { closeConnections, fetchText, parseMultivariant, parsePlaylist, rules };

function checkMultivariant(book, url, { variants, audio, independent }) {
  const videos = variants.filter(({ RESOLUTION }) => RESOLUTION);
  book.expect('multivariant-independent', independent, 'EXT-X-INDEPENDENT-SEGMENTS is missing');
  book.expect('multivariant-attributes', variants.length > 0, 'no variants');
  for (const variant of variants) {
    const whole = /^\d+$/;
    const complete = whole.test(variant.BANDWIDTH) && whole.test(variant['AVERAGE-BANDWIDTH']) && variant.CODECS && variant.uri;
    const ofVideo = !/avc|hvc|hev|av01|vp09/.test(variant.CODECS ?? '') || (/^\d+x\d+$/.test(variant.RESOLUTION ?? '') && Number(variant['FRAME-RATE']) > 0);
    book.expect('multivariant-attributes', complete && ofVideo, `${variant.uri}: ${JSON.stringify(variant)}`);
    book.expect('multivariant-bandwidth', Number(variant['AVERAGE-BANDWIDTH']) <= Number(variant.BANDWIDTH), `${variant.uri}: average ${variant['AVERAGE-BANDWIDTH']}, peak ${variant.BANDWIDTH}`);
    book.expect('multivariant-audio-group', !variant.AUDIO || audio.some((one) => one['GROUP-ID'] === variant.AUDIO), `${variant.uri}: no group ${variant.AUDIO}`);
  }
  for (const one of audio) book.expect('multivariant-audio-group', one.LANGUAGE && one.NAME && /^\d/.test(one.CHANNELS ?? '') && one.URI, JSON.stringify(one));
  const bandwidths = videos.map(({ BANDWIDTH }) => Number(BANDWIDTH));
  if (videos.length > 1) book.expect('multivariant-order', bandwidths[0] < Math.max(...bandwidths), 'the largest bandwidth stands first');
}

async function readMultivariant(book, url, shared) {
  const answer = await fetchText(url);
  if (!book.expect('multivariant-served', answer.status === 200, `status ${answer.status}`)) return null;
  const multivariant = parseMultivariant(answer.text);
  checkMultivariant(book, url, multivariant);
  const twin = await fetchText(addQuery(url, 'token=other'));
  book.expect('viewers-identical', twin.body.equals(answer.body), 'the multivariant playlist differs for another token');
  book.expect('content-type', answer.headers['content-type'] === 'application/vnd.apple.mpegurl', answer.headers['content-type']);
  book.expect('cors', answer.headers['access-control-allow-origin'] === '*', 'multivariant: no Access-Control-Allow-Origin');
  book.expect('no-query-in-uris', !/\?/.test(withoutPast(withoutTokens(answer.text))), 'a URI of the multivariant playlist has a query');
  book.expect('cache-plain', maxAge(answer) > 0, `multivariant: ${answer.headers['cache-control']}`);
  if (shared.tokens) book.expect('token-in-every-uri', takesTokens(answer.text).isPrivate && takesTokens(answer.text).complete, 'multivariant: a URI does not take the viewer\'s token');
  for (const { uri, BANDWIDTH } of multivariant.variants) shared.peaks[new URL(uri, url).href] = Number(BANDWIDTH);
  const uris = [...multivariant.variants.map(({ uri }) => uri), ...multivariant.audio.map(({ URI }) => URI).filter(Boolean)];
  shared.urls = [...new Set(uris.map((uri) => new URL(uri, url).href))];
  return { ...multivariant, text: answer.text };
}

/** CODECS of the variants against the init segments. */
function checkCodecs(book, url, { variants }, followers) {
  for (const variant of variants) {
    const follower = followers.find((one) => one.url === new URL(variant.uri, url).href);
    const said = (variant.CODECS ?? '').split(',');
    if (follower?.init?.codecs) book.expect('multivariant-codecs', said.includes(follower.init.codecs), `${variant.uri}: ${variant.CODECS}, the bitstream is ${follower.init.codecs}`);
  }
}

/** Single requests on every playlist, then on one playlist those that take long. */
async function checkRequests(book, url, shared) {
  await checkPlaylistRequests(book, url);
  for (const one of shared.urls) {
    await checkPlaylistRequests(book, one);
    const { segments, open } = parsePlaylist((await fetchText(one)).text);
    const files = ['init.mp4', segments.at(-1)?.uri, (open ?? segments.at(-1))?.parts[0]?.uri].filter(Boolean);
    for (const file of files) await checkMediaRequests(book, new URL(file, one).href);
    await checkUnknown(book, one, shared);
  }
  await Promise.all(shared.urls.map((one) => checkDirectives(book, one, shared)));
}

/**
 * Follows all playlists of a live session for `seconds` (or, with `untilEnd`, until it ends; or until `signal` aborts) and
 * returns the broken rules: [{rule, text, detail, count}]. The array also has `covered` (how many rules there are), `checked`
 * ({rule: times}) and `unchecked` (those there was no occasion for).
 * `tokens`: of two viewers, when the session is private.
 * `tolerance`: how many ms a part may be late beyond its PART-TARGET. `requests: false` leaves out the rules about single requests.
 */
export async function checkLive(url, { seconds = 10, tolerance = 150, untilEnd = false, requests = true, signal, tokens } = {}) {
  const book = new Book();
  const shared = { starts: {}, peaks: {}, tolerance, tokens, urls: [], followers: [] };
  if (tokens) useTokens(new URL('.', url).href, tokens);
  const multivariant = await readMultivariant(book, url, shared);
  if (!multivariant) return book.result();
  const deadline = Date.now() + seconds * 1000;
  let singles = null;
  const isOver = () => signal?.aborted || (!untilEnd && Date.now() >= deadline && singles === null);
  shared.followers = shared.urls.map((one) => new Follower(book, one, shared));
  await Promise.all(shared.followers.map((follower) => follower.start()));
  checkCodecs(book, url, multivariant, shared.followers);
  const isLive = shared.followers.every(({ playlist }) => !playlist.ended);
  if (requests && isLive) {
    singles = checkRequests(book, url, shared).catch((error) => {
      if (!shared.followers.some(({ playlist }) => playlist.ended)) throw error;
    }).finally(() => {
      singles = null;
    });
  }
  const running = singles;
  await Promise.all([running, ...shared.followers.map((follower) => follower.follow(isOver))]);
  const again = await fetchText(url);
  book.expect('multivariant-constant', again.status !== 200 || again.text === multivariant.text, 'the multivariant playlist changed');
  for (const follower of shared.followers) if (follower.playlist.ended) await checkAfterEnd(book, follower.url);
  return book.result();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [url, seconds = '10'] = process.argv.slice(2);
  if (!url) {
    console.error('usage: node llhls.js URL [SECONDS]');
    process.exit(2);
  }
  const broken = await checkLive(url, { seconds: Number(seconds) });
  const checks = Object.values(broken.checked).reduce((sum, count) => sum + count, 0);
  console.log(`${broken.covered} rules known, ${Object.keys(broken.checked).length} checked ${checks} times, ${broken.length} broken`);
  if (broken.unchecked.length) console.log(`no occasion for: ${broken.unchecked.join(', ')}`);
  for (const { rule, text, detail, count } of broken) console.log(`BROKEN ${rule} (${count} times): ${text}\n  ${detail}`);
  closeConnections();
  process.exit(broken.length ? 1 : 0);
}
