import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressToAsk, playlistAsTold } from '../src/player/playlist_numbers.ts';

const head = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:0\n';
const parts = '#EXT-X-MAP:URI="init.mp4"\n#EXT-X-PART:DURATION=0.2,URI="0.0.m4s"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="0.1.m4s"\n';
const report = '#EXT-X-RENDITION-REPORT:URI="../v720/index.m3u8",LAST-MSN=0,LAST-PART=1\n';

test('a playlist of parts alone is told with a gap before them, whose number is the server\'s first', () => {
  const told = playlistAsTold(head + parts + report);
  assert.match(told, /MEDIA-SEQUENCE:0\n#EXT-X-START:TIME-OFFSET=0\.002,PRECISE=YES\n#EXT-X-GAP\n#EXTINF:0\.001,\ngap\n#EXT-X-MAP/);
  assert.match(told, /LAST-MSN=1,LAST-PART=1/);
});

test('once a segment is whole there is no gap, and every number is one higher', () => {
  const told = playlistAsTold(`${head}#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\n0.m4s\n${report}`);
  assert.match(told, /MEDIA-SEQUENCE:1\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\n0\.m4s/);
  assert.doesNotMatch(told, /GAP/);
  assert.match(told, /LAST-MSN=1/);
});

test('a delta update and an ended playlist hold no gap; a multivariant playlist is left as it is', () => {
  assert.doesNotMatch(playlistAsTold(`${head}#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n${parts}`), /GAP/);
  assert.doesNotMatch(playlistAsTold(`${head}#EXT-X-ENDLIST\n`), /GAP/);
  const multivariant = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv1080/index.m3u8\n';
  assert.equal(playlistAsTold(multivariant), multivariant);
});

test('what hls.js asks for is one lower on the server', () => {
  assert.equal(addressToAsk('/live/x/v720/index.m3u8?token=a&_HLS_msn=1&_HLS_part=3'), '/live/x/v720/index.m3u8?token=a&_HLS_msn=0&_HLS_part=3');
  assert.equal(addressToAsk('/live/x/v720/index.m3u8?_HLS_msn=10'), '/live/x/v720/index.m3u8?_HLS_msn=9');
  assert.equal(addressToAsk('/live/x/v720/index.m3u8'), '/live/x/v720/index.m3u8');
});

test('a player that begins at a chosen moment is told where that is, once, and not before the first', () => {
  const dated = `${head}#EXT-X-PROGRAM-DATE-TIME:2026-05-01T10:00:00.500Z\n#EXTINF:2,\n0.m4s\n`;
  const chosenMs = Date.parse('2026-05-01T10:00:07.250Z');
  assert.match(playlistAsTold(dated, chosenMs), /MEDIA-SEQUENCE:1\n#EXT-X-START:TIME-OFFSET=6\.750,PRECISE=YES\n/);
  assert.match(playlistAsTold(dated, chosenMs - 60_000), /TIME-OFFSET=0\.000,/);
  assert.doesNotMatch(playlistAsTold(dated, null), /START/);
  assert.doesNotMatch(playlistAsTold(`${head}#EXTINF:2,\n0.m4s\n`, chosenMs), /START/);
  assert.doesNotMatch(playlistAsTold(dated.replace('#EXTINF', '#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n#EXTINF'), chosenMs), /START/);
  assert.equal([...playlistAsTold(head + parts, chosenMs).matchAll(/#EXT-X-START/g)].length, 1);
});
