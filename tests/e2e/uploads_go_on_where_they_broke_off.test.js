// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tus from 'tus-js-client';
import { request } from './lib/http.js';
import { sql } from './lib/outbox.js';
import { scenario, scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const chunk = 256 * 1024;
/** Begins like an MP4; what follows is for nobody to read. */
const video = (bytes) => Buffer.concat([Buffer.from('000000206674797069736f6d', 'hex'), crypto.randomBytes(bytes - 12)]);
const encode = (text) => Buffer.from(text).toString('base64');
const digest = (algorithm, bytes) => `${algorithm} ${crypto.createHash(algorithm).update(bytes).digest('base64')}`;

/** Uploads by a client of tus; resolves with where the upload is. `stopAfter` bytes it is given up, as by a page that closes. */
function upload(node, token, bytes, { uploadUrl = null, stopAfter = Infinity, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const sent = new tus.Upload(bytes, {
      endpoint: `${node.url}/api/recordings/upload`,
      uploadUrl,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: 'Der Sprung.mp4', filetype: 'video/mp4' },
      chunkSize: chunk,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(sent.url),
      onChunkComplete: (_, accepted) => {
        if (accepted >= stopAfter) sent.abort().then(() => resolve(sent.url), reject);
      },
      ...options,
    });
    sent.start();
  });
}

/** One call of the protocol by hand. */
const call = (url, token, method, headers = {}, body = undefined) =>
  request(url, { method, body, headers: { 'tus-resumable': '1.0.0', authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/offset+octet-stream' } : {}), ...headers } });

scenarioOnBoth('an upload survives kill -9 and goes on where it was', async (stage) => {
  const node = await stage.node({ roles: 'origin,api' }); // no worker that finds at once that this is no film
  const token = await stage.token(node, { sub: 'anna' });
  const bytes = video(10 * chunk + 77);
  const url = await upload(node, token, bytes, { stopAfter: 4 * chunk });
  await node.kill();
  await node.start();
  const half = await call(url, token, 'HEAD');
  assert.equal(half.headers['upload-metadata'], `filename ${encode('Der Sprung.mp4')},filetype ${encode('video/mp4')}`);
  assert.equal(half.headers['upload-length'], String(bytes.length));
  const offset = Number(half.headers['upload-offset']);
  assert.ok(offset >= 4 * chunk && offset < bytes.length && offset % chunk === 0, `${offset} bytes are there`);
  await upload(node, token, bytes, { uploadUrl: url, overridePatchMethod: true });

  const id = url.split('/').at(-1);
  const recording = (await request(`${node.url}/api/recordings/${id}`, { headers: { authorization: `Bearer ${token}` } })).json;
  assert.deepEqual([recording.kind, recording.title, recording.sessionId], ['upload', 'Der Sprung', null]);
  const source = path.join(stage.dataDir(), 'archive/uploads', id, 'source');
  await waitFor('the source to be in the archive', () => fs.existsSync(source));
  assert.ok(fs.readFileSync(source).equals(bytes), 'byte for byte');
  await waitFor('nothing to be left on the way', async () => (await sql(stage, 'SELECT COUNT(*) FROM uploads WHERE is_stored = 0')) === '0');
  await waitFor('its file to go, which is stored', () => fs.readdirSync(path.join(stage.dataDir(), 'uploads')).length === 0);

  /* Who missed the last answer hears it again, and does not begin from nothing. */
  assert.equal((await call(url, token, 'HEAD')).headers['upload-offset'], String(bytes.length));
  assert.equal((await call(url, token, 'PATCH', { 'upload-offset': String(offset) }, bytes.subarray(offset))).status, 409);
  assert.equal((await call(url, token, 'PATCH', { 'upload-offset': String(bytes.length), 'content-type': 'application/offset+octet-stream' })).status, 204);
  await upload(node, token, bytes, { uploadUrl: url });
  assert.equal(await sql(stage, 'SELECT COUNT(*) FROM recordings'), '1');
}, { within: 60_000 });

/** Sends the beginning of a chunk, and goes once so much has been read. */
function sendAndGo(url, token, { offset, announced, part, isRead }) {
  const { hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, hostname, () => {
      socket.write(`PATCH ${pathname}${search} HTTP/1.1\r\nhost: a\r\ntus-resumable: 1.0.0\r\nauthorization: Bearer ${token}\r\ncontent-type: application/offset+octet-stream\r\nupload-offset: ${offset}\r\ncontent-length: ${announced}\r\n\r\n`);
      socket.write(part, () => isRead().then(() => socket.end(), reject));
    });
    socket.on('error', reject).on('close', resolve).resume();
  });
}

scenario('an upload in one call is kept as far as it comes', async (stage) => {
  const node = await stage.node({ roles: 'origin,api' });
  const token = await stage.token(node, { sub: 'anna' });
  const at = `${node.url}/api/recordings/upload`;
  const offsetOf = async (url) => Number((await call(url, token, 'HEAD')).headers['upload-offset']);
  const begin = async (bytes, body = undefined) => new URL((await call(at, token, 'POST', { 'upload-length': String(bytes) }, body)).headers.location, at).href;
  const kept = (url) => path.join(stage.dataDir(), 'archive/uploads', url.split('/').at(-1), 'source');
  const bytes = video(100 * 1024 * 1024 + 5);

  const first = await begin(bytes.length);
  const came = 9 * 1024 * 1024 + 123;
  const isRead = (url) => () => waitFor('whole pieces of it to count', async () => (await offsetOf(url)) === 8 * 1024 * 1024);
  await sendAndGo(first, token, { offset: 0, announced: bytes.length, part: bytes.subarray(0, came), isRead: isRead(first) });
  await waitFor('all that came to count', async () => (await offsetOf(first)) === came);
  await upload(node, token, bytes, { uploadUrl: first, chunkSize: Infinity });
  await waitFor('the source to be in the archive', () => fs.existsSync(kept(first)));
  assert.ok(fs.readFileSync(kept(first)).equals(bytes), 'byte for byte');

  const second = await upload(node, token, bytes.subarray(0, 30_000_000), { chunkSize: Infinity, uploadDataDuringCreation: true });
  await waitFor('the one sent with its creation to be in the archive', () => fs.existsSync(kept(second)));
  assert.ok(fs.readFileSync(kept(second)).equals(bytes.subarray(0, 30_000_000)));

  const part = bytes.subarray(0, 20_000_000);
  const third = await begin(bytes.length);
  const send = (checksum, offset = '0') => call(third, token, 'PATCH', { 'upload-offset': offset, 'upload-checksum': checksum }, part);
  assert.equal((await send(digest('sha1', bytes))).status, 460);
  assert.equal(await offsetOf(third), 0);
  assert.equal((await call(third, token, 'DELETE')).status, 204);
  const fourth = await begin(bytes.length, bytes.subarray(0, 100));
  const rest = bytes.subarray(100, 20_000_000);
  const sent = await call(fourth, token, 'PATCH', { 'upload-offset': '100', 'upload-checksum': digest('sha256', rest) }, rest);
  assert.deepEqual([sent.status, sent.headers['upload-offset']], [204, '20000000']);
  const wrong = await call(fourth, token, 'PATCH', { 'upload-offset': '7' }, Buffer.alloc(6_000_000));
  assert.deepEqual([wrong.status, wrong.headers['upload-offset']], [409, '20000000']);

  const page = await begin(30_000_000);
  const refused = await call(page, token, 'PATCH', { 'upload-offset': '0' }, Buffer.alloc(30_000_000));
  assert.equal(refused.status, 415, 'and who sends so much hears of it');
}, { within: 60_000 });

scenario('an upload is told by its address which node has it, and another node asks to try again', async (stage) => {
  const env = { PORTHOLE_DATABASE_URL: `sqlite:${stage.dataDir()}/porthole.db`, PORTHOLE_JWT_SECRET: crypto.randomBytes(24).toString('hex') };
  const nodes = {};
  for (const name of ['a', 'b']) nodes[name] = await stage.node({ roles: 'origin,api', name, dataDir: stage.dataDir(name), env: { ...env, PORTHOLE_NODE_NAME: name } });
  const token = await stage.token(nodes.a, { sub: 'anna' });
  const bytes = video(3 * chunk);
  const { headers } = await call(`${nodes.a.url}/api/recordings/upload`, token, 'POST', { 'upload-length': String(bytes.length) });
  assert.match(headers.location, /^upload\/[a-z0-9]+\?node=a$/);
  const at = (name) => new URL(headers.location, `${nodes[name].url}/api/recordings/`).href;
  const send = (name) => call(at(name), token, 'PATCH', { 'upload-offset': '0' }, bytes);
  const astray = await send('b');
  assert.deepEqual([astray.status, astray.headers['retry-after']], [503, '1'], astray.text);
  assert.match(astray.json.detail, /another node has this upload/);
  assert.equal((await call(at('b'), token, 'HEAD')).headers['upload-offset'], '0', 'how far it is any node tells');
  assert.equal((await send('a')).status, 204);

  const { headers: lost } = await call(`${nodes.a.url}/api/recordings/upload`, token, 'POST', { 'upload-length': '64' });
  const id = lost.location.match(/[a-z0-9]{26}/)[0];
  fs.rmSync(path.join(stage.dataDir('a'), 'uploads', id));
  const gone = await call(`${nodes.a.url}/api/recordings/upload/${id}`, token, 'PATCH', { 'upload-offset': '0' }, bytes.subarray(0, 64));
  assert.equal(gone.status, 404, 'its own node knows that it is lost');
});

scenario('an upload that lies, is damaged, or is not the caller\'s is refused', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_CORS_ORIGINS: 'https://app.example.org' } });
  const token = await stage.token(node, { sub: 'anna' });
  const other = await stage.token(node, { sub: 'bob' });
  const viewer = await stage.token(node, { role: 'viewer', sub: 'mum' });
  const at = `${node.url}/api/recordings/upload`;
  const begin = (headers, body, who = token) => call(at, who, 'POST', headers, body);
  const place = ({ headers }) => new URL(headers.location, at).href;

  const told = await request(at, { method: 'OPTIONS' });
  assert.deepEqual([told.headers['tus-version'], told.headers['tus-max-size']], ['1.0.0', '500000000']);
  const preflight = await request(at, { method: 'OPTIONS', headers: { origin: 'https://app.example.org', 'access-control-request-method': 'PATCH' } });
  assert.match(preflight.headers['access-control-allow-methods'], /PATCH/);
  assert.match(preflight.headers['access-control-allow-headers'], /Upload-Metadata.*X-HTTP-Method-Override/);
  assert.match(preflight.headers['access-control-expose-headers'], /Upload-Offset.*Upload-Metadata/);

  assert.equal((await call(at, token, 'POST', { 'tus-resumable': '0.2.2', 'upload-length': '10' })).status, 412);
  const tooLarge = await begin({ 'upload-length': '500000001' });
  assert.deepEqual([tooLarge.status, tooLarge.headers['tus-max-size'], tooLarge.headers['tus-resumable']], [413, '500000000', '1.0.0']);
  for (const wrong of [{}, { 'upload-length': '-1' }, { 'upload-length': '0' }, { 'upload-length': '9', 'upload-metadata': 'title !' }]) assert.equal((await begin(wrong)).status, 400, JSON.stringify(wrong));
  assert.equal((await begin({ 'upload-length': '9', 'upload-metadata': `filetype ${encode('text/html')}` })).status, 415);
  assert.equal((await begin({ 'upload-length': '9' }, undefined, viewer)).status, 403);
  const stranger = await request(at, { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '9' } });
  assert.deepEqual([stranger.status, stranger.headers['tus-resumable']], [401, '1.0.0']);

  const lying = await begin({ 'upload-length': '64', 'upload-metadata': `filename ${encode('a.mp4')},filetype ${encode('video/mp4')}` }, Buffer.from('<!doctype html><script>alert(1)</script>'));
  assert.equal(lying.status, 415, lying.text);
  const slow = place(await begin({ 'upload-length': '64' }, Buffer.from('MZ')));
  assert.equal((await call(slow, token, 'PATCH', { 'upload-offset': '2' }, Buffer.alloc(20))).status, 415);
  assert.equal((await call(slow, token, 'HEAD')).status, 404, 'and nothing of it is kept');

  const bytes = video(100_000);
  const metadata = `mood,x-id ${encode('7')}, title ${encode('Castle')}`;
  const url = place(await begin({ 'upload-length': String(bytes.length), 'upload-metadata': metadata }));
  const looked = await call(url, token, 'HEAD');
  assert.deepEqual([looked.headers['upload-metadata'], looked.headers['cache-control']], [metadata, 'no-store'], 'as it was told, for this moment alone');
  assert.equal((await begin({ 'upload-length': '9', 'upload-metadata': `x ${encode('y'.repeat(4000))}` })).status, 400, 'so much is not kept');
  const instead = (method, headers = {}) => call(url, token, 'POST', { 'x-http-method-override': method, ...headers });
  assert.equal((await instead('HEAD')).headers['upload-offset'], '0');
  for (const wrong of ['', 'POST', 'PUT']) assert.equal((await instead(wrong)).status, 400, wrong);
  const ended = place(await begin({ 'upload-length': '9' }));
  assert.equal((await call(ended, token, 'POST', { 'x-http-method-override': 'DELETE' })).status, 204);
  assert.equal((await call(ended, token, 'HEAD')).status, 404);
  const send = (offset, part, headers = {}, who = token) => call(url, who, 'PATCH', { 'upload-offset': String(offset), ...headers }, part);
  assert.equal((await send(0, bytes.subarray(0, 50_000), { 'upload-checksum': digest('sha1', bytes) })).status, 460);
  assert.equal((await send(0, bytes.subarray(0, 50_000), { 'upload-checksum': 'md5 AAAA' })).status, 400);
  assert.equal((await call(url, token, 'HEAD')).headers['upload-offset'], '0', 'what was damaged did not count');
  assert.equal((await send(0, bytes.subarray(0, 50_000), { 'upload-checksum': digest('sha1', bytes.subarray(0, 50_000)) })).status, 204);
  assert.equal((await send(0, bytes)).status, 409);
  assert.equal((await send(50_000, bytes)).status, 400, 'more than was announced');
  assert.equal((await send(50_000, bytes.subarray(50_000), { 'content-type': 'video/mp4' })).status, 415);
  assert.equal((await send(50_000, bytes.subarray(50_000), {}, other)).status, 404);
  assert.equal((await call(url, other, 'HEAD')).status, 404);
  assert.equal((await call(url, other, 'DELETE')).status, 404);
  const anonymous = await request(url, { method: 'PATCH', headers: { 'tus-resumable': '1.0.0' }, body: Buffer.alloc(1000) });
  assert.equal(anonymous.status, 401, 'no body is taken from strangers');
  assert.equal((await send(50_000, bytes.subarray(50_000), { 'upload-checksum': digest('sha256', bytes.subarray(50_000)) })).status, 204);
  const nothing = await send(100_000, Buffer.alloc(0), { 'content-type': 'application/offset+octet-stream' });
  assert.ok([204, 404].includes(nothing.status), 'nothing more is nothing more');
  assert.ok([404, 409].includes((await call(url, token, 'DELETE')).status), 'it is a recording by now');

  const three = [];
  for (let i = 0; i < 3; i++) three.push(place(await begin({ 'upload-length': '64' })));
  assert.equal((await begin({ 'upload-length': '64' })).status, 409, 'three at once');
  assert.equal((await begin({ 'upload-length': '64' }, undefined, other)).status, 201);
  assert.equal((await call(three[0], token, 'DELETE')).status, 204);
  assert.equal((await call(three[0], token, 'HEAD')).status, 404);
  const fourth = await begin({ 'upload-length': '64' });
  assert.equal(fourth.status, 201);
  await sql(stage, `UPDATE uploads SET expires_ms = 1 WHERE id = '${place(fourth).split('/').at(-1)}'`);
  assert.equal((await call(place(fourth), token, 'HEAD')).status, 404, 'expired');
  await waitFor('what expired to be forgotten', async () => (await sql(stage, 'SELECT COUNT(*) FROM uploads WHERE expires_ms = 1')) === '0');
});
