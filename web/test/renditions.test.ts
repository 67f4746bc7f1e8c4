import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RenditionList, renditionName, type Rendition } from '../src/player/renditions.ts';

const p1080: Rendition = { id: '1080p', width: 1920, height: 1080, bitrate: 4_500_000 };
const p720: Rendition = { id: '720p', width: 1280, height: 720, bitrate: 2_500_000 };

function heard(list: RenditionList): string[] {
  const events: string[] = [];
  for (const name of ['addrendition', 'removerendition', 'change']) list.addEventListener(name, () => events.push(name));
  return events;
}

test('renditions are named by their shorter side', () => {
  assert.equal(renditionName(p720), '720p');
  assert.equal(renditionName({ width: 1080, height: 1920 }), '1080p');
});

test('the list reads like an array and tells of additions', () => {
  const list = new RenditionList();
  const events = heard(list);
  list.replace([p1080, p720]);
  assert.equal(list.length, 2);
  assert.deepEqual([...list], [p1080, p720]);
  assert.equal(list[1], p720);
  assert.deepEqual(events, ['addrendition']);
});

test('a choice is told once; one that is not there means automatic', () => {
  const list = new RenditionList();
  list.replace([p1080, p720]);
  const events = heard(list);
  list.selectedIndex = 1;
  list.selectedIndex = 1;
  assert.equal(list.selectedIndex, 1);
  list.selectedIndex = 7;
  assert.equal(list.selectedIndex, -1);
  assert.deepEqual(events, ['change', 'change']);
});

test('the same list again keeps the choice, another one drops it', () => {
  const list = new RenditionList();
  list.replace([p1080, p720]);
  list.selectedIndex = 0;
  list.replace([{ ...p1080 }, { ...p720 }]);
  assert.equal(list.selectedIndex, 0);
  list.replace([p720]);
  assert.equal(list.selectedIndex, -1);
  assert.equal(list[1], undefined);
});
