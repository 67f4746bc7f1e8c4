/* hls.js takes a playlist that lists no whole segment for an empty one, and a session that has just begun lists parts of its
 * first segment alone. So that it may start with those, it is told of one more segment before the first, a gap, for as
 * long as there is no whole one: a millisecond of it, and to start behind that, since it would stay where it found itself in a
 * gap. And so that the gap has a number, each number is told to it as one higher than it is. */
const one = (number: string, by: number): string => String(Number(number) + by);

/* The server's playlist as hls.js is told it. */
export function playlistAsTold(text: string): string {
  if (!text.includes('#EXT-X-MEDIA-SEQUENCE:')) return text;
  const isBegun = !/^#EXTINF:/m.test(text) && !/^#EXT-X-(ENDLIST|SKIP)/m.test(text);
  const told = text
    .replace(/^(#EXT-X-RENDITION-REPORT:.*LAST-MSN=)(\d+)/gm, (_line, start: string, number: string) => start + one(number, 1))
    .replace(/^(#EXT-X-MEDIA-SEQUENCE:)(\d+)/m, (_line, start: string, number: string) => start + one(number, isBegun ? 0 : 1));
  if (!isBegun) return told;
  /* Before what belongs to the first segment: the tags that a playlist's head does not have. */
  const gap = '#EXT-X-START:TIME-OFFSET=0.002,PRECISE=YES\n#EXT-X-GAP\n#EXTINF:0.001,\ngap\n';
  return told.replace(/^#EXT-X-(MAP:|PROGRAM-DATE-TIME:|PART:|PRELOAD-HINT:|DISCONTINUITY$)/m, (tag) => gap + tag);
}

/* The address that hls.js asks, as the server knows it. */
export function addressToAsk(url: string): string {
  return url.replace(/([?&]_HLS_msn=)(\d+)/, (_match, start: string, number: string) => start + one(number, -1));
}
