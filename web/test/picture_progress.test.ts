import assert from 'node:assert/strict';
import { test } from 'node:test';

import { progressMark } from '../src/player/picture_progress.ts';

/* As much of a video element as is looked at. */
function element(given: { frames?: number; seconds?: number; width?: number; wireless?: boolean; loaded?: number }): HTMLVideoElement {
  const { frames, seconds = 0, width = 640, wireless = false, loaded = 0 } = given;
  return {
    currentTime: seconds,
    videoWidth: width,
    webkitCurrentPlaybackTargetIsWireless: wireless,
    buffered: { length: loaded > 0 ? 1 : 0, end: () => loaded },
    ...(frames !== undefined && { getVideoPlaybackQuality: () => ({ totalVideoFrames: frames }) }),
  } as unknown as HTMLVideoElement;
}

test('frames tell of a picture that moves; before the first, what was loaded', () => {
  assert.equal(progressMark(element({ frames: 90, seconds: 3 }), true), 90);
  assert.equal(progressMark(element({ frames: 0, loaded: 2 }), false), 2);
  assert.equal(progressMark(element({ frames: 0 }), false), 0);
});

test('the time tells where there is no picture, where nobody counts frames, and where it is shown on another screen', () => {
  assert.equal(progressMark(element({ frames: 90, seconds: 3, width: 0 }), true), 3);
  assert.equal(progressMark(element({ frames: 0, seconds: 3 }), true), 3);
  assert.equal(progressMark(element({ seconds: 3 }), true), 3);
  assert.equal(progressMark(element({ frames: 90, seconds: 3, wireless: true }), true), 3);
});
