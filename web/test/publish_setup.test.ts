import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeStarted } from '../src/api/started_session.ts';
import { faultOf } from '../src/publish/capture.ts';
import { inOrderOfPreference, qualityOf, usualQuality } from '../src/publish/quality.ts';
import { cleanKey, splitKey } from '../src/publish/stream_key.ts';

test('a key comes in the fragment and leaves the address; one in the query, where logs see it, is not taken', () => {
  const split = (address: string): [string | null, string] => {
    const { key, address: rest } = splitKey(new URL(address, 'https://porthole.example'));
    return [key, rest];
  };
  assert.deepEqual(split('/publish#key=abc'), ['abc', '/publish']);
  assert.deepEqual(split('/publish?x=1#key=abc&token=t'), ['abc', '/publish?x=1#token=t']);
  assert.deepEqual(split('/publish#key='), [null, '/publish']);
  assert.deepEqual(split('/publish?key=abc'), [null, '/publish?key=abc']);
  assert.deepEqual(split('/publish'), [null, '/publish']);
});

test('what is copied along with a key is taken off', () => {
  assert.equal(cleanKey('  abc \n'), 'abc');
  assert.equal(cleanKey('“abc”'), 'abc');
  assert.equal(cleanKey('srt://host:9000?streamid=abc&latency=1'), 'abc');
  assert.equal(cleanKey('https://host/publish#key=a%2Fc'), 'a/c');
  assert.equal(cleanKey('https://host/publish#key=%zz'), '%zz');
});

test('H.264 that fits any packet size is offered first, repair last', () => {
  const codecs = [
    { mimeType: 'video/VP8' }, { mimeType: 'video/rtx' }, { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=0;profile-level-id=42e01f' },
    { mimeType: 'video/AV1' }, { mimeType: 'video/red' }, { mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' },
  ];
  assert.deepEqual(inOrderOfPreference(codecs).map(({ mimeType, sdpFmtpLine }) => [mimeType, sdpFmtpLine?.split(';')[0]].join(' ').trim()), [
    'video/H264 packetization-mode=1', 'video/H264 packetization-mode=0', 'video/VP8', 'video/AV1', 'video/rtx', 'video/red',
  ]);
});

test('a phone starts with 720p, a computer with 1080p, and an unknown quality is the usual', () => {
  assert.deepEqual([usualQuality(true).height, usualQuality(false).height, qualityOf('8k').id], [720, 1080, '1080p30']);
});

test('each error of a browser has its fault', () => {
  const named = (name: string, message = ''): string => faultOf(Object.assign(new Error(message), { name }));
  assert.equal(named('NotAllowedError', 'Permission denied'), 'refused');
  assert.equal(named('NotAllowedError', 'Permission denied by system'), 'forbidden');
  assert.equal(named('NotFoundError'), 'missing');
  assert.equal(named('OverconstrainedError'), 'missing');
  assert.equal(named('NotReadableError'), 'busy');
  assert.equal(named('AbortError'), 'busy');
  assert.equal(named('NotSupportedError'), 'unsupported');
  assert.equal(faultOf('nonsense'), 'busy');
});

test('a started session is read with care', () => {
  const started = decodeStarted({
    sessionId: 'abc', streamKey: 'key', ingest: { whip: { url: 'https://h/whip' } }, playback: { page: 'https://h/watch/abc', token: 't' },
    iceServers: [{ urls: ['stun:s', 'http://x'] }, { urls: 'turn:t', username: 'u', credential: 'c' }, 5, {}],
  });
  assert.deepEqual(started, { id: 'abc', streamKey: 'key', whip: 'https://h/whip', page: 'https://h/watch/abc', viewerToken: 't', iceServers: [{ urls: ['stun:s'] }, { urls: ['turn:t'], username: 'u', credential: 'c' }] });
  assert.deepEqual([decodeStarted({ sessionId: 'a', streamKey: 'k' }).whip, decodeStarted({ sessionId: 'a', streamKey: 'k' }).page], ['/whip', '/watch/a']);
  for (const wrong of [null, [], {}, { sessionId: 'a' }, { sessionId: 1, streamKey: 2 }]) assert.throws(() => decodeStarted(wrong), TypeError);
});
