// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nowS = () => Math.floor(Date.now() / 1000);

/** A JWT of these claims; `sign` gives the signature's bytes. */
function forge(header, claims, sign) {
  const text = `${encode(header)}.${encode({ sub: 'streamer-1', role: 'admin', exp: nowS() + 600, ...claims })}`;
  return `${text}.${sign(text).toString('base64url')}`;
}

const hmac = (key) => (text) => crypto.createHmac('sha256', key).update(text).digest();
const rsa = (key) => (text) => crypto.sign('sha256', Buffer.from(text), key);
const ecdsa = (key) => (text) => crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });

/** Sends bytes; what came back until the server closed or was silent for `patience` ms. */
function exchange(port, bytes, patience = 400) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(patience, () => socket.destroy());
    socket.on('data', (block) => (answer += block.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

scenario('forged, confused, expired and foreign tokens let nobody in; keys of the main app may be exchanged', async (stage) => {
  const [first, second, foreign] = [0, 1, 2].map(() => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const curve = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = path.join(stage.dataDir('keys'), 'jwks.json');
  const publish = (...entries) => {
    const set = { keys: entries.map(([kid, key]) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' })) };
    fs.writeFileSync(`${keys}.new`, JSON.stringify(set));
    fs.renameSync(`${keys}.new`, keys);
  };
  publish(['one', first.publicKey], ['curve', curve.publicKey]);
  const node = await stage.node({ env: { PORTHOLE_JWKS_FILE: keys } });
  const session = await stage.session(node, { body: { visibility: 'private' } });
  const other = await stage.session(node, { body: { visibility: 'private' } });
  const ask = async (token) => {
    const answer = await request(`${node.url}/api/sessions/${session.id}`, { headers: { authorization: `Bearer ${token}` } });
    assert.ok(!answer.text.includes(token), 'a token is repeated');
    stage.secrets.add(token);
    return answer.status;
  };
  const by = (key, kid, claims = {}) => forge({ alg: 'RS256', kid }, claims, rsa(key.privateKey));
  const pem = first.publicKey.export({ type: 'spki', format: 'pem' });
  const secret = fs.readFileSync(path.join(node.dataDir, 'jwt_secret'), 'utf8').trim();

  assert.equal(await ask(by(first, 'one')), 200);
  assert.equal(await ask(forge({ alg: 'ES256', kid: 'curve' }, {}, ecdsa(curve.privateKey))), 200);
  assert.equal(await ask(by(first, 'one', { exp: nowS() - 50 })), 200, 'clocks differ by up to a minute');
  const refused = {
    'alg none': forge({ alg: 'none' }, {}, () => Buffer.alloc(0)),
    'alg None': forge({ alg: 'None', kid: 'one' }, {}, () => Buffer.alloc(0)),
    'no alg': forge({ kid: 'one' }, {}, rsa(first.privateKey)),
    'the public key as a secret': forge({ alg: 'HS256', kid: 'one' }, {}, hmac(pem)),
    'the public key without its last line end': forge({ alg: 'HS256', kid: 'one' }, {}, hmac(pem.trimEnd())),
    'an empty secret': forge({ alg: 'HS256' }, {}, hmac('')),
    'a guessed secret': forge({ alg: 'HS256' }, {}, hmac('secret')),
    'the key of somebody else': by(foreign, 'one'),
    'an unknown kid': by(first, 'two'),
    'a kid that is a path': by(first, '../../../dev/null'),
    'a kid that is SQL': by(first, "x' OR 1=1 --"),
    'a key in the token': forge({ alg: 'RS256', kid: 'x', jwk: foreign.publicKey.export({ format: 'jwk' }) }, {}, rsa(foreign.privateKey)),
    'a key elsewhere': forge({ alg: 'RS256', kid: 'x', jku: 'http://127.0.0.1:1/keys' }, {}, rsa(foreign.privateKey)),
    'another alg of the right key': forge({ alg: 'RS512', kid: 'one' }, {}, rsa(first.privateKey)),
    'an unknown critical extension': forge({ alg: 'RS256', kid: 'one', crit: ['x'], x: 1 }, {}, rsa(first.privateKey)),
    expired: by(first, 'one', { exp: nowS() - 70 }),
    'without an end': by(first, 'one', { exp: undefined }),
    'an end in milliseconds': by(first, 'one', { exp: Date.now() + 600_000 }),
    'not valid yet': by(first, 'one', { nbf: nowS() + 120 }),
    'a role there is not': by(first, 'one', { role: 'root' }),
    'the role of the app': by(first, 'one', { role: 'app' }),
    'roles in a list': by(first, 'one', { role: ['admin'] }),
    'an empty subject': by(first, 'one', { sub: '' }),
    'a body exchanged': by(first, 'one').replace(/\.[^.]+\./, `.${encode({ sub: 'x', role: 'admin', exp: nowS() + 60 })}.`),
    'a signature left out': by(first, 'one').replace(/[^.]+$/, ''),
  };
  for (const [name, token] of Object.entries(refused)) assert.equal(await ask(token), 401, name);
  assert.equal(await ask(by(first, 'one', { role: 'viewer', sub: 'x' })), 404);
  assert.equal(await ask(by(first, 'one', { role: 'viewer', sub: 'x', session: other.id })), 404, "another session's token");
  assert.equal(await ask(forge({ alg: 'HS256' }, { role: 'viewer', sub: 'x', session: session.id, confined: true }, hmac(secret))), 404);

  publish(['one', first.publicKey], ['two', second.publicKey]);
  node.child.signal('SIGHUP');
  await waitFor('the new key to be taken', async () => (await ask(by(second, 'two'))) === 200);
  assert.equal(await ask(by(first, 'one')), 200, 'the old key is still in the set');
  publish(['two', second.publicKey]);
  node.child.signal('SIGHUP');
  await waitFor('the old key to be refused', async () => (await ask(by(first, 'one'))) === 401);
  assert.equal(await ask(by(second, 'two')), 200);
}, { within: 40_000 });

scenario('SQL, paths, smuggled requests, bombs and ten thousand connections change nothing', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_API_KEY: 'k'.repeat(40) } });
  stage.secrets.add('k'.repeat(40));
  const session = await stage.session(node);
  const admin = await stage.token(node, { role: 'admin', sub: 'ada' });
  const send = (method, address, token, body, headers = {}) => request(`${node.url}${address}`, {
    method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
  });

  const injections = [`'; DROP TABLE sessions; --`, `' OR '1'='1`, `"; DELETE FROM profiles; --`, `\\'; SELECT pg_sleep(9); --`, `%' UNION SELECT stream_key_sha256 FROM sessions --`, '$1', '{{7*7}}', '%s%n%x'];
  for (const text of injections) {
    const quoted = encodeURIComponent(text);
    const started = await send('POST', '/api/sessions/start', session.token, { title: text, visibility: 'public', metadata: { platform: text, version: text, device: text } });
    assert.equal(started.status, 201, started.text);
    stage.secrets.add(started.json.streamKey);
    assert.equal((await send('GET', `/api/sessions/${started.json.sessionId}`)).json.title, text);
    assert.equal((await send('POST', `/api/sessions/end/${started.json.sessionId}`, session.token)).status, 200);
    if (!text.includes('/')) {
      const profile = await send('PUT', `/api/profiles/${quoted}`, admin, { displayName: text, guardians: [{ subject: text }] });
      assert.equal(profile.status, text.includes('\\') ? 400 : 200, profile.text);
      if (profile.status === 200) assert.deepEqual([profile.json.subject, profile.json.displayName, profile.json.guardians[0].subject], [text, text, text]);
    }
    const said = await send('POST', `/api/sessions/${session.id}/chat`, session.token, { text, name: text.slice(0, 40) });
    assert.ok([201, 429].includes(said.status), said.text);
    if (said.status === 201) assert.equal(said.json.text, text);
    const others = [['GET', `/api/sessions/active?cursor=${quoted}`], ['GET', `/api/sessions/active?limit=${quoted}`], ['GET', `/api/sessions/${quoted}`],
      ['GET', `/api/sessions/${session.id}/viewers?cursor=${quoted}`], ['PUT', `/api/sessions/${session.id}/viewers/${quoted}`], ['GET', `/api/events?session=${quoted}`],
      ['DELETE', `/api/webhooks/${quoted}`], ['GET', `/api/audit?actor=${quoted}&action=${quoted}&target=${quoted}`], ['GET', `/api/workers/${quoted}`],
      ['POST', '/api/stream/token', { session: text }], ['POST', '/api/stream/token', { sub: text, role: text }], ['POST', '/api/stream/heartbeat', { sessionId: text }],
      ['POST', `/api/sessions/${session.id}/viewers`, { device: text }], ['POST', '/api/webhooks', { url: text, events: [text] }], ['GET', `/api/mail/unsubscribe?wish=${quoted}`]];
    for (const [method, address, body] of others) {
      const answer = await send(method, address, admin, body);
      assert.ok(answer.status < 500 && (answer.status >= 400 || address.startsWith('/api/audit')), `${method} ${address}: ${answer.status} ${answer.text}`);
    }
  }
  assert.equal((await send('GET', `/api/sessions/${session.id}`)).status, 200);

  for (const up of ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..%5c', '....//', '%252e%252e/', '..%c0%af', '%00/../']) {
    for (const base of ['/', '/assets/', '/watch/', `/live/${session.id}/`, '/api/sessions/', '/vod/x/']) {
      const answer = await exchange(node.httpPort, `GET ${base}${up.repeat(8)}etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 20_000);
      assert.ok(!answer.includes('root:') && /^HTTP\/1\.1 (4|2)\d\d/.test(answer), `${base}${up}: ${answer.slice(0, 80)}`);
      assert.ok(/^HTTP\/1\.1 4/.test(answer) || answer.includes('<!doctype html>'), `${base}${up}: ${answer.slice(0, 80)}`);
    }
  }

  const inner = `DELETE /api/stream/session/${session.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${session.token}\r\n\r\n`;
  const head = 'POST /api/stream/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  const smuggled = {
    'a length beside chunks': `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    'chunks beside a length': `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inner}`,
    'two lengths': `${head}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    'an encoding in disguise': `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
    'two encodings': `${head}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n${inner}`,
    'a space before the colon': `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
    'a folded header': `${head}X: y\r\n Transfer-Encoding: chunked\r\n\r\n${inner}`,
    'a bare line feed': `${head}Content-Length: 0\nTransfer-Encoding: chunked\r\n\r\n${inner}`,
    'a length with a plus': `${head}Content-Length: +0\r\n\r\n${inner}`,
    'chunks with an odd size': `${head}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${inner}`,
  };
  const broken = [];
  for (const [name, bytes] of Object.entries(smuggled)) {
    const answer = await exchange(node.httpPort, bytes);
    const { state } = (await send('GET', `/api/sessions/${session.id}`)).json;
    if (state !== 'created') {
      broken.push(`${name}: ${answer.match(/HTTP\/1\.1 \d\d\d/g)}`);
      break;
    }
  }
  assert.deepEqual(broken, [], 'a request within a request was done');

  const bombs = {
    'many headers': `GET /health HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`,
    'many cookies': `GET /health HTTP/1.1\r\nHost: x\r\nCookie: ${'a=b; '.repeat(20_000)}\r\n\r\n`,
    'a long query': `GET /api/sessions/active?${'a=b&'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'endless spaces': `GET /health HTTP/1.1\r\nHost: x\r\nX:${' '.repeat(300_000)}\r\n\r\n`,
    'many ranges': `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=${'0-1,'.repeat(2_000)}2-3\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(bombs)) {
    const answer = await exchange(node.httpPort, bytes);
    assert.ok(answer === '' || /^HTTP\/1\.1 (4\d\d|200)/.test(answer), `${name}: ${answer.slice(0, 60)}`);
    assert.equal((await request(`${node.url}/health`)).status, 200, name);
  }

  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1.evil.example:${node.httpPort}`]) {
    for (const [method, type] of [['POST', 'text/plain'], ['POST', 'application/x-www-form-urlencoded'], ['DELETE', undefined], ['OPTIONS', undefined]]) {
      const address = method === 'POST' ? '/api/sessions/start' : `/api/stream/session/${session.id}`;
      const headers = { origin, authorization: `Bearer ${session.token}`, ...(type && { 'content-type': type }), 'access-control-request-method': 'DELETE' };
      const answer = await request(`${node.url}${address}`, { method, headers, body: method === 'POST' ? '{}' : undefined });
      assert.equal(answer.status, 403, `${method} from ${origin}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  }
  assert.equal((await send('GET', `/api/sessions/${session.id}`)).json.state, 'created');

  const crowd = [];
  stage.after(() => crowd.forEach((socket) => socket.destroy()));
  for (let batch = 0; batch < 20; batch++) {
    await Promise.all(Array.from({ length: 500 }, () => new Promise((resolve) => {
      const socket = net.connect(node.httpPort, '127.0.0.1', resolve);
      socket.on('error', resolve);
      crowd.push(socket);
    })));
  }
  assert.equal(crowd.length, 10_000);
  for (let i = 0; i < 10; i++) assert.equal((await request(`${node.url}/health`, { timeout: 30_000 })).status, 200);
  crowd.forEach((socket) => socket.destroy());
  assert.equal((await send('GET', '/api/sessions/active')).status, 200);
}, { within: 60_000 });
