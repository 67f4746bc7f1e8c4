/* hls.js takes a playlist that lists no whole segment for an empty one, and a session that has just begun lists parts of its
 * first segment alone. So that it may start with those, it is told of one more segment before the first, a gap, for as
 * long as there is no whole one: a millisecond of it, and to start behind that, since it would stay where it found itself in a
 * gap. And so that the gap has a number, each number is told to it as one higher than it is. */
const one = (number: string, by: number): string => String(Number(number) + by);

/* Where in the playlist a moment is that was chosen; empty where nothing was, or the playlist does not tell its first moment. */
function startTag(text: string, startMs: number | null): string {
  const firstMs = Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(.+)$/m.exec(text)?.[1] ?? '');
  if (startMs === null || Number.isNaN(firstMs) || /^#EXT-X-SKIP/m.test(text)) return '';
  return `\n#EXT-X-START:TIME-OFFSET=${(Math.max(0, startMs - firstMs) / 1000).toFixed(3)},PRECISE=YES`;
}

/* The server's playlist as hls.js is told it, which begins at `startMs` (UTC milliseconds) where that is not null: to load what is live
 * first and to seek then would take longer, and leaves WebKit without sound and picture. */
export function playlistAsTold(text: string, startMs: number | null = null): string {
  if (!text.includes('#EXT-X-MEDIA-SEQUENCE:')) return text;
  const isBegun = !/^#EXTINF:/m.test(text) && !/^#EXT-X-(ENDLIST|SKIP)/m.test(text);
  const told = text
    .replace(/^(#EXT-X-RENDITION-REPORT:.*LAST-MSN=)(\d+)/gm, (_line, start: string, number: string) => start + one(number, 1))
    .replace(/^(#EXT-X-MEDIA-SEQUENCE:)(\d+)/m, (_line, start: string, number: string) => start + one(number, isBegun ? 0 : 1) + (isBegun ? '' : startTag(text, startMs)));
  if (!isBegun) return told;
  /* Before what belongs to the first segment: the tags that a playlist's head does not have. */
  const gap = '#EXT-X-START:TIME-OFFSET=0.002,PRECISE=YES\n#EXT-X-GAP\n#EXTINF:0.001,\ngap\n';
  return told.replace(/^#EXT-X-(MAP:|PROGRAM-DATE-TIME:|PART:|PRELOAD-HINT:|DISCONTINUITY$)/m, (tag) => gap + tag);
}

/* The address that hls.js asks, as the server knows it. */
export function addressToAsk(url: string): string {
  return url.replace(/([?&]_HLS_msn=)(\d+)/, (_match, start: string, number: string) => start + one(number, -1));
}
