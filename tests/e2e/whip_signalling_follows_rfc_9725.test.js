// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const sdp = (...lines) => lines.map((line) => `${line}\r\n`).join('');

const transport = [
  'c=IN IP4 0.0.0.0', 'a=ice-ufrag:puby', 'a=ice-pwd:passwordpasswordpassword', 'a=setup:actpass', 'a=rtcp-mux', 'a=sendonly',
  'a=fingerprint:sha-256 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00',
];
const session = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0'];
const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport, 'a=mid:0', 'a=rtpmap:111 opus/48000/2'];
const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96 97', ...transport, 'a=mid:1', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:97 H264/90000', 'a=fmtp:97 packetization-mode=1;profile-level-id=42e01f'];
/** Without candidates, as some publishers offer. */
const offer = sdp(...session, 'a=group:BUNDLE 0 1', ...audio, ...video);

const fragment = (ufrag, pwd, ...candidates) => sdp(`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', ...candidates);
const trickled = fragment('puby', 'passwordpasswordpassword', 'a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host', 'a=end-of-candidates');
const restarting = fragment('anew', 'another-password-of-22-or-more');

class Whip {
  constructor(node, key) {
    Object.assign(this, { node, key });
  }

  send(path, method, { type, body, key = this.key, headers = {} } = {}) {
    return request(new URL(path, this.node.url), {
      method, body, headers: { ...(key && { authorization: `Bearer ${key}` }), ...(type && { 'content-type': type }), ...headers },
    });
  }

  post(body = offer, options) {
    return this.send('/whip', 'POST', { type: 'application/sdp', body, ...options });
  }

  patch(location, body, ifMatch, options) {
    return this.send(location, 'PATCH', { type: 'application/trickle-ice-sdpfrag', body, headers: ifMatch ? { 'if-match': ifMatch } : {}, ...options });
  }
}

/** A refusal that tells a publisher's developer what to do. */
function assertProblem(answer, status, what, words = /./) {
  assert.equal(answer.status, status, `${what}: ${answer.status} ${answer.text}`);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/, what);
  assert.equal(answer.json.status, status, what);
  assert.ok(answer.json.title, what);
  assert.match(answer.json.detail, words, what);
  assert.ok(answer.json.detail.length > 20, `${what}: "${answer.json.detail}" says too little`);
}

scenario('WHIP is answered as RFC 9725 says, and every refusal says what to do', async (stage) => {
  const node = await stage.node();
  const whip = new Whip(node, (await stage.session(node)).key);

  const options = await whip.send('/whip', 'OPTIONS', { key: null, headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' } });
  assert.ok([200, 204].includes(options.status));
  assert.match(options.headers['accept-post'], /application\/sdp/);
  assert.match(options.headers['access-control-allow-methods'], /POST/);
  assert.match(options.headers['access-control-allow-headers'], /authorization/i);

  const created = await whip.post(offer, { headers: { origin: 'https://elsewhere.example' } });
  assert.equal(created.status, 201, created.text);
  assert.equal(created.headers['content-type'], 'application/sdp');
  assert.equal(Number(created.headers['content-length']), created.body.length);
  assert.ok(created.headers.etag && created.headers.location);
  assert.match(created.headers['access-control-expose-headers'] ?? '', /location/i, 'a page of another origin can read the Location');
  for (const line of [/^a=ice-lite\r$/m, /^a=group:BUNDLE 0 1\r$/m, /^a=recvonly\r$/m, /^a=setup:passive\r$/m, /^a=rtpmap:97 H264\/90000\r$/m, /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host/im, /^a=candidate:\S+ 1 tcp .*tcptype passive/im])
    assert.match(created.text, line);
  assert.ok(!/VP8/.test(created.text), 'one codec is chosen');

  const { location, etag } = created.headers;
  assert.equal((await whip.patch(location, trickled, etag)).status, 204, 'candidates are taken');
  assertProblem(await whip.patch(location, trickled, '"stale"'), 412, 'candidates of a generation that is over', /ETag/);
  const restarted = await whip.patch(location, restarting, '*');
  assert.equal(restarted.status, 200, restarted.text);
  assert.match(restarted.headers['content-type'], /^application\/trickle-ice-sdpfrag/);
  assert.notEqual(restarted.headers.etag, etag);
  assert.match(restarted.text, /^a=ice-ufrag:\S+\r$/m);
  assert.ok(!restarted.text.includes(/a=ice-ufrag:(\S+)/.exec(created.text)[1]), 'with credentials of its own');
  assertProblem(await whip.patch(location, trickled, etag), 412, 'candidates under the ETag of before');

  assertProblem(await whip.patch(location, restarting, '*', { type: 'application/sdp' }), 415, 'a fragment of another type');
  assertProblem(await whip.patch(location, 'nonsense', '*'), 400, 'a fragment that is none');
  assertProblem(await whip.patch(location, '', '*'), 400, 'an empty fragment');
  assertProblem(await whip.patch(location, trickled, '*', { key: 'another' }), 401, 'a stranger’s fragment');
  assertProblem(await whip.send(location, 'DELETE', { key: 'another' }), 401, 'a stranger’s end');
  assert.equal((await whip.send(location, 'DELETE')).status, 200);
  assertProblem(await whip.send(location, 'DELETE'), 404, 'what has ended');
  assertProblem(await whip.patch(location, trickled, '*'), 404, 'candidates for what has ended', /POST/);

  assertProblem(await whip.post(offer, { key: null }), 401, 'no key', /Bearer/);
  assertProblem(await whip.post(offer, { key: 'not-a-key' }), 401, 'a wrong key');
  assertProblem(await whip.post(offer, { key: 'x'.repeat(4_000) }), 401, 'a key beyond measure');
  assertProblem(await whip.post(offer, { type: 'application/json' }), 415, 'an offer of another type', /application\/sdp/);
  assertProblem(await whip.post(''), 400, 'no offer');
  assertProblem(await whip.post('x'.repeat(70_000)), 413, 'an offer beyond measure');
  const malformed = {
    'no SDP': 'hello', 'half an offer': offer.slice(0, 200), 'bytes': Buffer.alloc(300, 0xfe), 'no media': sdp(...session),
    'no fingerprint': offer.replaceAll(/a=fingerprint.*\r\n/g, ''), 'a fingerprint that is none': offer.replaceAll(/sha-256 \S+/g, 'sha-256 11:22'),
    'no ICE': offer.replaceAll(/a=ice-.*\r\n/g, ''), 'lines without end': offer + 'a=x\r\n'.repeat(3_000),
  };
  for (const [what, body] of Object.entries(malformed)) {
    const answer = await whip.post(body);
    assertProblem(answer, answer.status === 422 ? 422 : 400, what);
  }
  assertProblem(await whip.post(offer.replaceAll('a=sendonly', 'a=recvonly')), 422, 'an offer that sends nothing');
  assertProblem(await whip.post(sdp(...session, 'a=group:BUNDLE 0', ...audio.map((line) => line.replace('opus/48000/2', 'G729/8000')))), 422, 'no codec in common');

  const partly = offer.replace('VP8/90000', 'MPV/90000').replace('H264/90000', 'MP4V-ES/90000');
  assertProblem(await whip.post(partly), 422, 'sound without its picture', /M-line 2.*no video codec.*H265 or AV1/);
});

scenario('a session has one publisher: the second is told, one that never connects is in nobody’s way, and an ended one is over', async (stage) => {
  const node = await stage.node();
  const session = await stage.session(node);
  const whip = new Whip(node, session.key);
  assert.equal((await whip.post()).status, 201, 'an offer whose publisher never connects');
  const publisher = await stage.whip(session);
  await session.multivariant();
  const busy = await whip.post();
  assertProblem(busy, 409, 'a second publisher');
  assert.ok(Number(busy.headers['retry-after']) >= 1);
  await publisher.end();
  await waitFor('the session to be free again', async () => (await whip.post()).status === 201);
  await stage.end(session);
  assertProblem(await whip.post(), 403, 'the key of a session that is over');
});
