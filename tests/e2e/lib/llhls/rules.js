// The rules that are checked, by id, and the book in which breaches are kept.

export const rules = {
  // multivariant playlist
  'multivariant-served': 'the multivariant playlist answers 200',
  'multivariant-independent': 'EXT-X-INDEPENDENT-SEGMENTS stands in the multivariant playlist',
  'multivariant-attributes': 'every variant has BANDWIDTH, AVERAGE-BANDWIDTH, CODECS, and with video RESOLUTION and FRAME-RATE',
  'multivariant-bandwidth': 'AVERAGE-BANDWIDTH does not exceed BANDWIDTH, and segments do not exceed BANDWIDTH by far',
  'multivariant-codecs': 'CODECS tells profile and level of the bitstream',
  'multivariant-audio-group': 'audio is a group with LANGUAGE, NAME and CHANNELS that the variants name',
  'multivariant-order': 'the highest quality does not stand first',
  'multivariant-constant': 'the multivariant playlist does not change',
  // media playlists: head
  'media-served': 'every media playlist answers 200',
  'tags-known': 'only tags of the standard are used, each line is a tag or a URI',
  'tag-order': 'head, map, then for each segment date, parts, EXTINF, URI; hint and reports last',
  'version': 'EXT-X-VERSION is 9 or higher',
  'server-control': 'EXT-X-SERVER-CONTROL has CAN-BLOCK-RELOAD, PART-HOLD-BACK 3 × PART-TARGET, HOLD-BACK 3 × TD, CAN-SKIP-UNTIL 6 × TD',
  'server-control-same': 'EXT-X-SERVER-CONTROL is identical in all playlists',
  'targets-constant': 'TARGETDURATION and PART-TARGET never change and are the same in all playlists',
  'media-sequence-monotonic': 'EXT-X-MEDIA-SEQUENCE never decreases',
  'no-discontinuity': 'there is no discontinuity within a session',
  'history-immutable': 'a listed segment or part never changes',
  'edge-monotonic': 'a playlist never falls behind what was seen before',
  'least-segments': 'at least 6 segments and 3 × TD of media are listed once segments have been removed',
  'token-in-every-uri': 'in a private session EXT-X-DEFINE names the token and every URI takes it',
  // media playlists: segments and parts
  'map': 'EXT-X-MAP stands before the first segment and its init segment is there',
  'date-every-segment': 'every segment has EXT-X-PROGRAM-DATE-TIME before its first part',
  'date-continuous': 'dates follow from the durations',
  'date-exact': 'dates are the media time plus one epoch, the same in all tracks',
  'part-not-longer': 'no part is longer than PART-TARGET',
  'part-not-shorter': 'a part is at least 85 % of PART-TARGET unless it is the last of its segment',
  'segment-not-longer': 'EXTINF rounded does not exceed TARGETDURATION',
  'segment-is-its-parts': 'EXTINF is the sum of the durations of its parts',
  'part-numbers': 'parts are numbered from 0 without a gap',
  'old-part-tags': 'part tags older than 3 × TD from the end are gone',
  'segment-independent': 'the first part of every segment is INDEPENDENT',
  // the edge
  'hint-exactly-one': 'exactly one EXT-X-PRELOAD-HINT of TYPE=PART while live',
  'hint-becomes-part': 'the hinted URI is that of the next part',
  'hint-blocks': 'a GET of the hinted part is held, and answered whole with Content-Length',
  'hint-no-trickle': 'the hinted part comes at full speed once it begins',
  'report-for-each': 'every other media playlist has a report with relative URI, LAST-MSN and LAST-PART',
  'report-true': 'a report names a part that is there, at most two parts behind but for a moment',
  'blocking-contains': 'a blocking reload is answered by a playlist that contains what was asked for',
  'part-cadence': 'a new part appears within one PART-TARGET of the last',
  'segment-cadence': 'a new segment appears within 1.5 × TD of the last',
  'renditions-together': 'renditions stay within one part of each other but for a moment',
  'renditions-same-start': 'segments of one number start at the same time in all renditions, to an audio frame',
  'not-ended': 'no EXT-X-ENDLIST and no directives ignored while live',
  // delta updates
  'delta-smaller': 'a delta update is offered when segments lie beyond the skip boundary, and is smaller',
  'delta-equals-full': 'a delta update applied to the last playlist equals the full one',
  'delta-boundary': 'a delta update skips only what is older than the skip boundary',
  'delta-v2': '_HLS_skip=v2 is answered like YES',
  // media
  'part-served': 'every listed part answers 200 with the right content type',
  'segment-served': 'every listed segment answers 200 with the right content type',
  'segment-bytes': 'a segment is the concatenation of its parts',
  'part-boxes': 'a part is whole moof and mdat boxes of one track',
  'part-duration-true': 'the samples of a part last as long as the playlist says',
  'decode-time-continuous': 'each part starts where the last one ended (tfdt)',
  'independent-true': 'INDEPENDENT stands where the part starts with an IDR, and only there',
  'old-part-fetchable': 'a part stays fetchable after its tag has gone',
  'removed-segment-fetchable': 'a segment stays fetchable after it left the playlist',
  // delivery directives
  'directive-part-without-msn': '_HLS_part without _HLS_msn gives 400',
  'directive-garbage': 'garbage values give 400',
  'directive-msn-far': '_HLS_msn beyond the last + 2 gives 400',
  'directive-part-far': '_HLS_part beyond the advance limit gives 400',
  'directive-msn-listed': '_HLS_msn that is listed is answered at once',
  'directive-msn-old': '_HLS_msn older than the window is answered at once',
  'directive-part-past-end': 'a part past the end of its segment means part 0 of the next',
  'directive-whole-segment': '_HLS_msn alone is held until the segment is whole',
  'directive-unknown-ignored': 'other query parameters change nothing',
  'unhinted-404': 'an unknown, unhinted URI gives 404 at once',
  'session-404': 'a session that never existed gives 404',
  // delivery
  'cache-plain': 'a non-blocking playlist may be cached half a target',
  'cache-blocking': 'a blocking playlist may be cached 6 targets',
  'cache-media': 'segments, parts and init segments may be cached a day and are immutable',
  'cache-failure-blocking': 'a failed blocking request may be cached 4 targets',
  'cache-failure-plain': 'a failed request for a playlist or a file may be cached one target',
  'content-type': 'playlists are application/vnd.apple.mpegurl, media video/mp4 or audio/mp4',
  'content-length': 'every answer has a Content-Length',
  'gzip': 'playlists come gzipped to who accepts it, with Vary, and are the same inside',
  'etag': 'playlists and media carry an ETag',
  'etag-304': 'If-None-Match gives 304 while nothing changed',
  'head': 'HEAD answers as GET does, without a body',
  'range': 'media answers Range with 206, and 416 beyond the end',
  'cors': 'Access-Control-Allow-Origin and -Expose-Headers (Age, Date, ETag) stand on answers and failures',
  'preflight': 'OPTIONS is answered for cross-origin requests',
  'viewers-identical': 'two viewers with different tokens get the same bytes',
  'no-query-in-uris': 'no URI in a playlist carries a query',
  // the end
  'end-clean': 'an ended playlist has no hint, no report and no open segment',
  'end-releases': 'held requests are released with the end',
  'end-directives-ignored': 'directives after the end are ignored',
};

export class Book {
  constructor() {
    this.checked = new Map();
    this.broken = new Map();
  }

  /** Notes that a rule was checked; returns whether it held. */
  expect(rule, holds, detail) {
    if (!(rule in rules)) throw new Error(`no such rule: ${rule}`);
    this.checked.set(rule, (this.checked.get(rule) ?? 0) + 1);
    if (holds) return true;
    const found = this.broken.get(rule) ?? { rule, text: rules[rule], detail: typeof detail === 'function' ? detail() : detail, count: 0 };
    found.count += 1;
    this.broken.set(rule, found);
    return false;
  }

  /** An array of breaches, with what was and was not checked beside it. */
  result() {
    const found = [...this.broken.values()];
    const all = Object.keys(rules);
    Object.defineProperty(found, 'covered', { value: all.length });
    Object.defineProperty(found, 'checked', { value: Object.fromEntries(this.checked) });
    Object.defineProperty(found, 'unchecked', { value: all.filter((rule) => !this.checked.has(rule)) });
    return found;
  }
}
