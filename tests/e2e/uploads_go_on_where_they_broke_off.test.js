// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
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
function upload(node, token, bytes, { uploadUrl = null, stopAfter = Infinity } = {}) {
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
  assert.equal(half.headers['upload-length'], String(bytes.length));
  const offset = Number(half.headers['upload-offset']);
  assert.ok(offset >= 4 * chunk && offset < bytes.length && offset % chunk === 0, `${offset} bytes are there`);
  await upload(node, token, bytes, { uploadUrl: url });

  const id = url.split('/').at(-1);
  const recording = (await request(`${node.url}/api/recordings/${id}`, { headers: { authorization: `Bearer ${token}` } })).json;
  assert.deepEqual([recording.kind, recording.title, recording.sessionId], ['upload', 'Der Sprung', null]);
  const source = path.join(stage.dataDir(), 'archive/uploads', id, 'source');
  await waitFor('the source to be in the archive', () => fs.existsSync(source));
  assert.ok(fs.readFileSync(source).equals(bytes), 'byte for byte');
  await waitFor('nothing to be left on the way', async () => (await sql(stage, 'SELECT COUNT(*) FROM uploads')) === '0');
  assert.deepEqual(fs.readdirSync(path.join(stage.dataDir(), 'uploads')), []);
}, { within: 60_000 });

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
  assert.match(preflight.headers['access-control-allow-headers'], /Upload-Metadata/);
  assert.match(preflight.headers['access-control-expose-headers'], /Upload-Offset/);

  assert.equal((await call(at, token, 'POST', { 'tus-resumable': '0.2.2', 'upload-length': '10' })).status, 412);
  const tooLarge = await begin({ 'upload-length': '500000001' });
  assert.deepEqual([tooLarge.status, tooLarge.headers['tus-max-size'], tooLarge.headers['tus-resumable']], [413, '500000000', '1.0.0']);
  for (const wrong of [{}, { 'upload-length': '-1' }, { 'upload-length': '0' }, { 'upload-length': '9', 'upload-metadata': 'title !' }]) assert.equal((await begin(wrong)).status, 400, JSON.stringify(wrong));
  assert.equal((await begin({ 'upload-length': '9', 'upload-metadata': `filetype ${encode('text/html')}` })).status, 415);
  assert.equal((await begin({ 'upload-length': '9' }, undefined, viewer)).status, 403);
  assert.equal((await request(at, { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '9' } })).status, 401);

  const lying = await begin({ 'upload-length': '64', 'upload-metadata': `filename ${encode('a.mp4')},filetype ${encode('video/mp4')}` }, Buffer.from('<!doctype html><script>alert(1)</script>'));
  assert.equal(lying.status, 415, lying.text);
  const slow = place(await begin({ 'upload-length': '64' }, Buffer.from('MZ')));
  assert.equal((await call(slow, token, 'PATCH', { 'upload-offset': '2' }, Buffer.alloc(20))).status, 415);
  assert.equal((await call(slow, token, 'HEAD')).status, 404, 'and nothing of it is kept');

  const bytes = video(100_000);
  const url = place(await begin({ 'upload-length': String(bytes.length) }));
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
  const large = await send(50_000, Buffer.alloc(16 * 1024 * 1024 + 1)).catch((error) => error);
  assert.ok(large instanceof Error || (large.status === 413 && large.text.includes('16777216')), 'a chunk of more than 16 MiB');
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
