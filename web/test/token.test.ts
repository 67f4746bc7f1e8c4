import assert from 'node:assert/strict';
import { test } from 'node:test';

import { splitToken, withToken } from '../src/api/token.ts';

test('a token is taken out of query or fragment', () => {
  const split = (address: string): [string | null, string] => {
    const { token, address: rest } = splitToken(new URL(address, 'https://p.example'));
    return [token, rest];
  };
  assert.deepEqual(split('/watch/x?token=a.b.c'), ['a.b.c', '/watch/x']);
  assert.deepEqual(split('/watch/x?lang=de&token=t#at=3'), ['t', '/watch/x?lang=de#at=3']);
  assert.deepEqual(split('/watch/x#token=t'), ['t', '/watch/x']);
  assert.deepEqual(split('/watch/x?token=query#token=fragment'), ['fragment', '/watch/x']);
});

test('an address without a token stays as it is', () => {
  const { token, address } = splitToken(new URL('https://p.example/watch/x?b=%20#main'));
  assert.equal(token, null);
  assert.equal(address, '/watch/x?b=%20#main');
});

test('an empty token is none', () => {
  assert.deepEqual(splitToken(new URL('https://p.example/?token=')), { token: null, address: '/' });
});

test('a token is added once, and escaped', () => {
  assert.equal(withToken('/live/x/index.m3u8', 'a&b'), '/live/x/index.m3u8?token=a%26b');
  assert.equal(withToken('/live/x/thumb.jpg?at=1', 't'), '/live/x/thumb.jpg?at=1&token=t');
  assert.equal(withToken('/live/x/index.m3u8?token=old', 't'), '/live/x/index.m3u8?token=t');
  assert.equal(withToken('/live/x/index.m3u8?token=old&_HLS_msn=1', 't'), '/live/x/index.m3u8?_HLS_msn=1&token=t');
  assert.equal(withToken('/live/x/index.m3u8?a=1&token=old', 't'), '/live/x/index.m3u8?a=1&token=t');
  assert.equal(withToken('/live/x/index.m3u8', null), '/live/x/index.m3u8');
});
