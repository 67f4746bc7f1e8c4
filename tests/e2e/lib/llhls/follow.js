// One media playlist, followed as a player does: blocking reloads, hinted parts, whole segments.
import { fetchText, maxAge } from './fetch.js';
import { pause } from '../wait.js';
import { readInit, readMedia } from './media.js';
import { addQuery, applyDelta, compareParts, fullLines, parsePlaylist, takesTokens, withoutPast, withoutTokens } from './playlist.js';

const close = (a, b, tolerance) => Math.abs(a - b) <= tolerance;
const round6 = (value) => Math.round(value * 1e6) / 1e6;
const mediaName = /^\d+(\.\d+)?\.m4s$/;

export class Follower {
  constructor(book, url, shared) {
    Object.assign(this, { book, url, shared, name: new URL(url).pathname.split('/').at(-2), parts: new Map(), segments: new Map() });
  }

  note(rule, holds, detail) {
    return this.book.expect(rule, holds, () => `${this.name}: ${typeof detail === 'function' ? detail() : detail}`);
  }

  resolve(uri) {
    return new URL(uri, this.url).href;
  }

  async start() {
    const answer = await fetchText(this.url);
    if (!this.note('media-served', answer.status === 200, `status ${answer.status}`)) throw new Error(`${this.url}: ${answer.status} ${answer.text}`);
    this.playlist = parsePlaylist(answer.text);
    const init = await fetchText(this.resolve(this.playlist.map ?? 'init.mp4'));
    this.note('map', init.status === 200 && this.playlist.map !== undefined && this.playlist.mapAt === 0, `init segment: status ${init.status}`);
    this.init = readInit(init.body);
    this.checkPlaylist(this.playlist, answer, false);
    await this.backfill();
    if (this.playlist.ended) this.checkEnd(this.playlist);
  }

  get target() {
    return this.playlist.target;
  }

  /** Until `isOver()` or the end of the session. */
  async follow(isOver) {
    while (!this.playlist.ended && !isOver()) await this.step();
  }

  /** One blocking reload with the hinted part beside it, and every second time the delta beside that. */
  async step() {
    const wanted = this.playlist.hint;
    if (!wanted) throw new Error(`${this.name}: no hint to follow`);
    const query = `_HLS_msn=${wanted.msn}&_HLS_part=${wanted.part}`;
    this.steps = (this.steps ?? 0) + 1;
    const skip = this.steps % 4 === 0 ? 'v2' : 'YES';
    const [answer, twin, delta, hinted] = await Promise.all([
      fetchText(addQuery(this.url, `${query}&token=one`)), fetchText(addQuery(this.url, `${query}&token=two`)),
      fetchText(addQuery(this.url, `${query}&_HLS_skip=${skip}`)), fetchText(this.resolve(this.playlist.hints[0].URI)),
    ]);
    if (!this.note('media-served', answer.status === 200, `${query}: status ${answer.status}`)) throw new Error(`${this.url}?${query}: ${answer.status}`);
    const older = this.playlist;
    this.playlist = parsePlaylist(answer.text);
    this.note('viewers-identical', answer.body.equals(twin.body) || parsePlaylist(twin.text).last?.part !== this.playlist.last?.part, `${query}: two viewers got different bytes`);
    this.checkAdvance(older, this.playlist, answer, wanted);
    this.checkPlaylist(this.playlist, answer, true);
    if (delta.status === 200) this.checkDelta(older, parsePlaylist(delta.text), delta, skip);
    else this.note('media-served', false, `${query}&_HLS_skip=${skip}: status ${delta.status}`);
    if (this.playlist.ended) {
      this.checkEnd(this.playlist);
      this.note('end-releases', [200, 404].includes(hinted.status), `hinted part at the end: status ${hinted.status}`);
      return;
    }
    this.checkHinted(wanted, hinted);
    await this.backfill();
    await this.checkReports();
    await this.checkRemoved(older);
  }

  checkPlaylist(playlist, answer, blocking) {
    const { target, partTarget } = playlist;
    for (const { rule, detail } of playlist.problems) this.note(rule, false, detail);
    this.note('tags-known', true);
    this.note('tag-order', true);
    this.note('version', playlist.version >= 9, `version ${playlist.version}`);
    this.note('cache-plain', blocking || maxAge(answer) === Math.max(1, Math.floor(target / 2)), () => `max-age ${maxAge(answer)}`);
    this.note('cache-blocking', !blocking || maxAge(answer) === 6 * target, () => `max-age ${maxAge(answer)}`);
    this.note('content-length', Number(answer.headers['content-length']) === answer.body.length, 'no Content-Length');
    this.note('content-type', answer.headers['content-type'] === 'application/vnd.apple.mpegurl', answer.headers['content-type']);
    this.note('etag', /^"[^"]+"$/.test(answer.headers.etag ?? ''), `ETag ${answer.headers.etag}`);
    this.note('cors', answer.headers['access-control-allow-origin'] === '*' && ['age', 'date', 'etag'].every((name) => (answer.headers['access-control-expose-headers'] ?? '').toLowerCase().split(/, */).includes(name)), 'headers of a playlist');
    this.checkControl(playlist);
    this.note('targets-constant', target === (this.shared.target ??= target) && partTarget === (this.shared.partTarget ??= partTarget), `${target}, ${partTarget}`);
    this.note('no-discontinuity', !playlist.text.includes('#EXT-X-DISCONTINUITY'), 'EXT-X-DISCONTINUITY');
    const total = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
    if (playlist.msn > (this.firstMsn ??= playlist.msn)) {
      this.note('least-segments', playlist.skipped > 0 || (playlist.segments.length >= 6 && total >= 3 * target), `${playlist.segments.length} segments of ${total} s`);
    }
    const all = [...playlist.segments, ...(playlist.open ? [playlist.open] : [])];
    const end = all.reduce((sum, segment) => sum + this.lengthOf(segment), 0);
    let start = 0;
    all.forEach((segment, index) => {
      this.checkSegment(segment, playlist, all[index + 1]);
      this.note('old-part-tags', !segment.parts.length || end - start <= 3 * target + 1e-6 || playlist.ended, `parts of ${segment.msn} are ${round6(end - start)} s from the end`);
      start += this.lengthOf(segment);
    });
    this.note('no-query-in-uris', !/\?/.test(withoutPast(withoutTokens(playlist.text))), 'a URI has a query');
    this.checkTokens(playlist);
    if (!playlist.ended) this.checkEdge(playlist);
  }

  checkTokens({ text, version }) {
    const { isPrivate, complete } = takesTokens(text);
    if (isPrivate || this.shared.tokens) this.note('token-in-every-uri', isPrivate && complete && version >= 11, 'a URI does not take the viewer\'s token');
  }

  lengthOf(segment) {
    return segment.duration ?? segment.parts.reduce((sum, { duration }) => sum + duration, 0);
  }

  checkControl({ control = {}, serverControl, target, partTarget }) {
    this.note('server-control', control['CAN-BLOCK-RELOAD'] === 'YES' && close(Number(control['PART-HOLD-BACK']), 3 * partTarget, 1e-6)
      && close(Number(control['HOLD-BACK']), 3 * target, 1e-6) && close(Number(control['CAN-SKIP-UNTIL']), 6 * target, 1e-6), serverControl);
    this.note('server-control-same', serverControl === (this.shared.serverControl ??= serverControl), serverControl);
  }

  checkSegment(segment, playlist, following) {
    const { msn, parts, duration, date, gap } = segment;
    const { target, partTarget } = playlist;
    this.note('date-every-segment', Number.isFinite(date) && !segment.dateAfterParts, `segment ${msn} has no date before its first part`);
    const length = this.lengthOf(segment);
    if (following) this.note('date-continuous', close(following.date - date, 1000 * length, 2), () => `${following.date - date} ms from ${msn} to the next, which lasts ${length} s`);
    parts.forEach((part, index) => {
      const isLast = duration !== undefined && index === parts.length - 1;
      this.note('part-numbers', part.place?.msn === msn && part.place?.part === index, `${part.uri} is part ${index} of ${msn}`);
      this.note('part-not-longer', part.duration <= partTarget + 1e-9, `${part.uri} lasts ${part.duration} s`);
      this.note('part-not-shorter', isLast || part.duration >= 0.85 * partTarget - 1e-9, `${part.uri} lasts ${part.duration} s`);
      const known = this.parts.get(part.uri);
      this.note('history-immutable', !known || known.line === part.line, `${part.uri}: ${part.line}, was ${known?.line}`);
      if (!known) this.parts.set(part.uri, { ...part });
    });
    if (parts.length) this.note('segment-independent', parts[0].independent || parts[0].gap, `the first part of ${msn}`);
    if (duration === undefined) return;
    this.note('segment-not-longer', Math.round(duration) <= target, `${msn} lasts ${duration} s`);
    if (parts.length) this.note('segment-is-its-parts', close(duration, parts.reduce((sum, part) => sum + part.duration, 0), 1e-4), `${msn} lasts ${duration} s, its parts do not`);
    const known = this.segments.get(msn);
    this.note('history-immutable', !known || (known.duration === duration && known.date === date && known.uri === segment.uri && known.gap === gap), `segment ${msn} changed`);
    if (!known) this.segments.set(msn, { ...segment });
    else if (!parts.length) known.untagged ??= Date.now();
  }

  checkEdge(playlist) {
    const parts = playlist.hints.filter(({ TYPE }) => TYPE === 'PART');
    this.note('hint-exactly-one', parts.length === 1 && playlist.hints.length === 1, `${playlist.hints.length} hints`);
    this.note('not-ended', !playlist.ended, 'EXT-X-ENDLIST');
    const others = this.shared.urls.filter((url) => url !== this.url);
    const named = playlist.reports.map(({ URI }) => this.resolve(URI));
    const complete = playlist.reports.every((report) => /^\d+$/.test(report['LAST-MSN']) && /^\d+$/.test(report['LAST-PART']) && !/^[a-z]+:|^\//.test(report.URI));
    this.note('report-for-each', complete && others.every((url) => named.includes(url)) && named.length === others.length, () => `reports for ${named.join(', ')}`);
  }

  checkAdvance(older, newer, answer, wanted) {
    const { partTarget, target } = newer;
    this.note('media-sequence-monotonic', newer.msn >= older.msn, `${newer.msn} after ${older.msn}`);
    this.note('edge-monotonic', compareParts(newer.last, older.last) >= 0, `${newer.last.msn}.${newer.last.part} after ${older.last.msn}.${older.last.part}`);
    this.note('blocking-contains', newer.ended || compareParts(newer.last, wanted) >= 0, `asked for ${wanted.msn}.${wanted.part}, got up to ${newer.last.msn}.${newer.last.part}`);
    const now = answer.firstAt;
    const late = this.shared.tolerance / 1000;
    const fresh = [...newer.segments, ...(newer.open ? [newer.open] : [])].flatMap(({ parts }) => parts).filter(({ place }) => place && compareParts(place, older.last) > 0);
    if (this.newPartAt && !newer.ended) this.note('part-cadence', (now - this.newPartAt) / 1000 <= partTarget * Math.max(1, fresh.length) + late, () => `${Math.round(now - this.newPartAt)} ms to ${newer.last.msn}.${newer.last.part}`);
    this.newPartAt = now;
    if (newer.segments.at(-1)?.msn > (older.segments.at(-1)?.msn ?? -1)) {
      if (this.newSegmentAt) this.note('segment-cadence', (now - this.newSegmentAt) / 1000 <= 1.5 * target + late, () => `${Math.round(now - this.newSegmentAt)} ms to ${newer.segments.at(-1).msn}`);
      this.newSegmentAt = now;
    }
    if (newer.ended) return;
    const isUntagged = newer.segments.some(({ msn, parts }) => msn === wanted.msn && !parts.length); // it took us seconds to ask again
    const [next] = fresh;
    if (!isUntagged) this.note('hint-becomes-part', next && next.uri === older.hints[0]?.URI, `${older.hints[0]?.URI} was hinted, ${next?.uri} came`);
  }

  checkHinted(wanted, answer) {
    const uri = `${wanted.msn}.${wanted.part}.m4s`;
    const gap = this.parts.get(uri)?.gap;
    if (gap) return;
    const held = answer.endedAt - answer.startedAt;
    this.note('hint-blocks', answer.status === 200 && Number(answer.headers['content-length']) === answer.body.length && !answer.headers['transfer-encoding'], `${uri}: status ${answer.status} after ${Math.round(held)} ms`);
    const whole = answer.pieces === 1 || answer.endedAt - answer.firstAt <= Math.max(50, this.shared.tolerance);
    this.note('hint-no-trickle', whole, `${uri} took ${Math.round(answer.endedAt - answer.firstAt)} ms from its first byte`);
    this.takePart(uri, answer);
  }

  checkDelta(older, delta, answer, skip) {
    const full = this.playlist;
    if (delta.ended || full.ended || delta.last.msn !== full.last.msn || delta.last.part !== full.last.part) return;
    const boundary = 6 * full.target;
    const beyond = full.segments.filter((_, index) => full.segments.slice(index + 1).reduce((sum, { duration }) => sum + duration, 0) >= boundary).length;
    this.note('delta-smaller', beyond === 0 || (delta.skipped > 0 && answer.body.length < Buffer.byteLength(full.text)), `${beyond} segments lie beyond the boundary, ${delta.skipped} skipped`);
    if (!delta.skipped) return;
    this.note('delta-boundary', full.segments.slice(delta.skipped).reduce((sum, { duration }) => sum + duration, 0) >= boundary - 1e-6, `${delta.skipped} skipped`);
    const joined = applyDelta(delta, older);
    const same = joined && JSON.stringify(joined) === JSON.stringify(fullLines(full)) && delta.msn === full.msn && delta.hints[0]?.URI === full.hints[0]?.URI;
    this.note('delta-equals-full', same, `delta of ${full.last.msn}.${full.last.part} does not give the full playlist`);
    if (skip === 'v2') this.note('delta-v2', same, 'v2 differs');
  }

  checkEnd(playlist) {
    this.note('end-clean', !playlist.hints.length && !playlist.reports.length && !playlist.open, 'hint, report or open segment after the end');
  }

  checkMediaHeaders(uri, answer) {
    const wanted = this.init.kind === 'video' ? 'video/mp4' : 'audio/mp4';
    this.note('content-type', answer.headers['content-type'] === wanted, `${uri}: ${answer.headers['content-type']}`);
    this.note('cache-media', maxAge(answer) >= 86400 && /immutable/.test(answer.headers['cache-control']), `${uri}: ${answer.headers['cache-control']}`);
    this.note('content-length', Number(answer.headers['content-length']) === answer.body.length, `${uri}: no Content-Length`);
    this.note('etag', /^"[^"]+"$/.test(answer.headers.etag ?? ''), `${uri}: ETag ${answer.headers.etag}`);
    this.note('cors', answer.headers['access-control-allow-origin'] === '*', `${uri}: no Access-Control-Allow-Origin`);
  }

  /** Holds the bytes of a part against the playlist. */
  takePart(uri, answer) {
    const part = this.parts.get(uri);
    if (!part || part.body) return;
    if (!this.note('part-served', answer.status === 200, `${uri}: status ${answer.status}`)) return;
    part.body = answer.body;
    this.checkMediaHeaders(uri, answer);
    let media;
    try {
      media = readMedia(answer.body, this.init);
    } catch (error) {
      this.note('part-boxes', false, `${uri}: ${error.message}`);
      return;
    }
    this.note('part-boxes', true);
    const { timescale, kind } = this.init;
    this.note('part-duration-true', close(media.duration / timescale, part.duration, 2e-6), `${uri}: ${media.duration / timescale} s of samples, ${part.duration} s said`);
    if (kind === 'video') this.note('independent-true', media.startsWithIdr === part.independent, `${uri}: IDR ${media.startsWithIdr}, INDEPENDENT ${part.independent}`);
    part.time = media.time;
    part.end = media.time + media.duration;
    const { msn, part: number } = part.place;
    const before = this.parts.get(`${msn}.${number - 1}.m4s`) ?? (number === 0 ? this.lastPartOf(msn - 1) : undefined);
    if (before?.end !== undefined) this.note('decode-time-continuous', media.continuous && before.end === media.time, `${uri} begins at ${media.time}, the last part ended at ${before.end}`);
    if (number === 0) this.noteStart(msn, media.time / timescale);
  }

  lastPartOf(msn) {
    const segment = this.segments.get(msn);
    return segment?.parts.length ? this.parts.get(segment.parts.at(-1).uri) : undefined;
  }

  noteStart(msn, seconds) {
    const starts = (this.shared.starts[msn] ??= {});
    starts[this.name] = seconds;
    const all = Object.values(starts);
    const frame = 1024 / 48000;
    if (all.length > 1) this.note('renditions-same-start', Math.max(...all) - Math.min(...all) <= frame + 1e-6, `segment ${msn} starts at ${all.join(', ')} s`);
    const segment = this.segments.get(msn) ?? (this.playlist.open?.msn === msn ? this.playlist.open : undefined);
    if (!segment) return;
    const epoch = segment.date - 1000 * seconds;
    this.note('date-exact', close(epoch, (this.shared.epoch ??= epoch), 1.5), `segment ${msn}: epoch ${epoch}, elsewhere ${this.shared.epoch}`);
  }

  /** Parts that are listed and were not fetched yet, then segments that are whole. */
  async backfill() {
    const missing = [...this.playlist.segments, ...(this.playlist.open ? [this.playlist.open] : [])].flatMap(({ parts }) => parts)
      .filter(({ uri, gap }) => !gap && !this.parts.get(uri).body);
    for (const { uri } of missing) this.takePart(uri, await fetchText(this.resolve(uri)));
    for (const segment of this.playlist.segments) {
      const known = this.segments.get(segment.msn);
      if (known.body || segment.gap) continue;
      const answer = await fetchText(this.resolve(segment.uri));
      if (!this.note('segment-served', answer.status === 200 && mediaName.test(segment.uri.split('/').at(-1)), `${segment.uri}: status ${answer.status}`)) continue;
      this.checkMediaHeaders(segment.uri, answer);
      known.body = answer.body;
      const bodies = known.parts.map(({ uri }) => this.parts.get(uri).body);
      if (bodies.length && bodies.every(Boolean)) this.note('segment-bytes', Buffer.concat(bodies).equals(answer.body), `${segment.uri} is not its parts`);
      // The peak is taken over half a target duration and more: the rest of a second at the end does not count alone.
      if (segment.duration < this.playlist.target / 2) continue;
      const rate = (8 * answer.body.length) / segment.duration;
      this.note('multivariant-bandwidth', rate <= 1.5 * (this.shared.peaks[this.url] ?? Infinity), () => `${segment.uri} has ${Math.round(rate)} bit/s, announced ${this.shared.peaks[this.url]}`);
    }
  }

  /** What the reports say about the others must be there, and fresh. Who catches up within the tolerance, or faster than
   * time passes, is together with the others: what a source sends before its session is live comes out in one burst, one track after the
   * other. */
  async checkReports() {
    const others = this.shared.followers;
    const perSegment = Math.max(...this.playlist.segments.map(({ parts }) => parts.length), 1);
    const index = ({ msn, part }) => msn * perSegment + part;
    const reported = ({ reports }, uri) => {
      const report = reports.find(({ URI }) => URI === uri);
      return report && { msn: Number(report['LAST-MSN']), part: Number(report['LAST-PART']) };
    };
    for (const { URI } of this.playlist.reports) {
      const other = others.find(({ url }) => url === this.resolve(URI));
      if (!other?.playlist?.last) continue;
      const { last } = this.playlist;
      const said = reported(this.playlist, URI);
      let there = compareParts(other.playlist.last, said) >= 0;
      if (!there) there = compareParts(parsePlaylist((await fetchText(other.url)).text).last, said) >= 0;
      this.note('report-true', there, `${URI} is not at ${said.msn}.${said.part} yet`);
      const goal = Math.max(index(last), index(said)) - 2;
      let behind = Math.min(index(last), index(said)); // of the two the one that is
      let reaches = { last: index(last) >= goal, said: index(said) >= goal };
      for (let catchesUp = true; catchesUp && !(reaches.last && reaches.said);) {
        const from = { at: performance.now(), behind };
        await pause(this.shared.tolerance);
        const later = parsePlaylist((await fetchText(this.url)).text);
        if (later.ended) return;
        const ends = { last: index(later.last), said: index(reported(later, URI) ?? said) };
        reaches = { last: ends.last >= goal, said: ends.said >= goal };
        behind = Math.min(ends.last, ends.said);
        catchesUp = (behind - from.behind) * later.partTarget * 1000 > 1.5 * (performance.now() - from.at);
      }
      this.note('report-true', reaches.said, `${URI} is said to be at ${said.msn}.${said.part}, this one is at ${last.msn}.${last.part}`);
      this.note('renditions-together', reaches.last && reaches.said, `${URI} at ${said.msn}.${said.part}, this one at ${last.msn}.${last.part}`);
    }
  }

  /** What has just left the playlist is still there. */
  async checkRemoved(older) {
    const gone = older.segments.filter(({ msn }) => msn < this.playlist.msn);
    for (const { uri } of gone) {
      const { status } = await fetchText(this.resolve(uri));
      this.note('removed-segment-fetchable', status === 200, `${uri}: status ${status}`);
    }
    const untagged = older.segments.filter(({ parts, msn }) => parts.length && this.playlist.segments.some((one) => one.msn === msn && !one.parts.length));
    for (const { parts } of untagged) {
      const { status } = await fetchText(this.resolve(parts[0].uri), { method: 'HEAD' });
      this.note('old-part-fetchable', parts[0].gap || status === 200, `${parts[0].uri}: status ${status}`);
    }
  }
}
