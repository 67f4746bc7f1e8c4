import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseStoryboard, storyboardText, tileAt } from '../src/recordings/storyboard.ts';

const base = 'https://live.example/vod/abc/storyboard.vtt?token=t';
const text = 'WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nstoryboard-0.jpg#xywh=0,0,160,90\n\n00:10.000 --> 00:20.500\nstoryboard-0.jpg#xywh=160,0,160,90\n\n1:00:00.000 --> 1:00:10.000\nstoryboard-25.jpg#xywh=0,90,160,90\n';

test('tiles are read with their sheets, beside the file that names them', () => {
  const tiles = parseStoryboard(text, base);
  assert.deepEqual(tiles[1], { startMs: 10_000, endMs: 20_500, sheet: 'https://live.example/vod/abc/storyboard-0.jpg', x: 160, y: 0, width: 160, height: 90 });
  assert.equal(tiles[2]?.startMs, 3_600_000);
});

test('what is no storyboard has no tiles, and a broken cue costs only itself', () => {
  assert.deepEqual(parseStoryboard('<!doctype html>', base), []);
  assert.deepEqual(parseStoryboard('', base), []);
  const broken = 'WEBVTT\n\n00:00:05.000 --> 00:00:01.000\na.jpg#xywh=0,0,1,1\n\nnonsense\n\n00:00:00.000 --> 00:00:01.000\na.jpg\n\n00:00:00.000 --> 00:00:01.000\na.jpg#xywh=0,0,0,1\n\n';
  assert.equal(parseStoryboard(broken + text.slice(8), base).length, 3);
  assert.equal(parseStoryboard(text.replaceAll('\n', '\r\n'), base).length, 3);
});

test('a moment has the tile that began last; before the first, the first', () => {
  const tiles = parseStoryboard(text, base);
  assert.equal(tileAt(tiles, 0)?.x, 0);
  assert.equal(tileAt(tiles, 10_000)?.x, 160);
  assert.equal(tileAt(tiles, 59_000)?.x, 160);
  assert.equal(tileAt(tiles, 9e9)?.y, 90);
  assert.equal(tileAt([], 5), null);
});

test('what is written for the seek bar is read back the same', () => {
  const tiles = parseStoryboard(text, base);
  assert.deepEqual(parseStoryboard(storyboardText(tiles), 'https://other.example/'), tiles);
});
