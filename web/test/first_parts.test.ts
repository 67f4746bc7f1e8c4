import assert from 'node:assert/strict';
import { test } from 'node:test';

import { firstPartControllers } from '../src/player/first_parts.ts';

interface Asked {
  shouldLoadParts(details: object | undefined, bufferEnd: number): boolean;
}

test('parts are loaded while there is no whole segment, by hls.js as it is', () => {
  for (const controller of Object.values(firstPartControllers)) {
    const { prototype } = controller as unknown as { prototype: Asked };
    assert.equal(typeof (Object.getPrototypeOf(prototype) as Asked).shouldLoadParts, 'function', 'hls.js decides in a method of this name');
    const asked = Object.assign(Object.create(prototype) as Asked, { config: { lowLatencyMode: false } });
    assert.equal(asked.shouldLoadParts({ live: true, partList: [{}], fragments: [{ gap: true }] }, 0), true);
    assert.equal(asked.shouldLoadParts({ live: true, partList: [{}], fragments: [{ gap: true }, {}] }, 0), false);
    assert.equal(asked.shouldLoadParts({ live: true, partList: null, fragments: [{ gap: true }] }, 0), false);
  }
});
