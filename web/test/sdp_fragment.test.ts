import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fragmentOf, withFragment } from '../src/publish/sdp_fragment.ts';

const sdp = (...lines: string[]): string => lines.map((line) => `${line}\r\n`).join('');

const offer = sdp(
  'v=0', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:me', 'a=ice-pwd:secret', 'a=mid:0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:me', 'a=ice-pwd:secret', 'a=mid:1',
);

test('a fragment names the generation and the description of each candidate', () => {
  assert.equal(
    fragmentOf(offer, [{ mid: '0', line: 'candidate:1 1 udp 1 192.0.2.1 5 typ host' }], true),
    sdp('a=ice-ufrag:me', 'a=ice-pwd:secret', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=candidate:1 1 udp 1 192.0.2.1 5 typ host', 'a=end-of-candidates'),
  );
});

test('a fragment without candidates names the first description', () => {
  assert.equal(fragmentOf(offer, [], false), sdp('a=ice-ufrag:me', 'a=ice-pwd:secret', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0'));
});

test('an answer takes over what a restart brought, and keeps the rest', () => {
  const answer = sdp(
    'v=0', 'a=ice-lite', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:old', 'a=ice-pwd:older', 'a=mid:0', 'a=candidate:1 1 udp 1 192.0.2.9 8000 typ host', 'a=end-of-candidates',
    'a=setup:passive', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:old', 'a=ice-pwd:older', 'a=mid:1',
  );
  const fragment = sdp('a=ice-ufrag:new', 'a=ice-pwd:newer', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', 'a=candidate:2 1 udp 1 192.0.2.10 8000 typ host');
  assert.equal(
    withFragment(answer, fragment),
    sdp(
      'v=0', 'a=ice-lite', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:new', 'a=ice-pwd:newer', 'a=mid:0', 'a=setup:passive',
      'a=candidate:2 1 udp 1 192.0.2.10 8000 typ host', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=ice-ufrag:new', 'a=ice-pwd:newer', 'a=mid:1',
    ),
  );
});

test('a fragment without credentials restarts nothing', () => {
  assert.equal(withFragment('v=0\r\n', 'a=ice-ufrag:new\r\n'), null);
  assert.equal(withFragment('v=0\r\n', ''), null);
});
