import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { iceServersOf, postOffer, WhipError, type Endpoint } from '../src/publish/whip_client.ts';

interface Heard {
  method: string;
  url: string;
  authorization: string;
  type: string;
  ifMatch: string;
  body: string;
}

type Answer = { status: number; headers?: Record<string, string>; body?: string } | 'never';

/* A test with a server that answers as told, one answer for each request, and what it heard. */
function withServer(name: string, answers: Answer[], body: (endpoint: Endpoint, heard: Heard[]) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async () => {
    const heard: Heard[] = [];
    const server = http.createServer(async (request, response) => {
      const { method = '', url = '', headers } = request;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = (value: string | string[] | undefined): string => String(value ?? '');
      heard.push({ method, url, authorization: text(headers.authorization), type: text(headers['content-type']), ifMatch: text(headers['if-match']), body: Buffer.concat(chunks).toString() });
      const answer = answers.shift() ?? { status: 500 };
      if (answer === 'never') return;
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await body({ url: `http://127.0.0.1:${port}/whip`, key: 'k' }, heard);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

const created = (headers: Record<string, string> = {}): Answer => ({
  status: 201, headers: { 'Content-Type': 'application/sdp', Location: '/whip/abc', ETag: '"one"', ...headers }, body: 'v=0\r\n',
});

const refused = (promise: Promise<unknown>): Promise<WhipError> =>
  promise.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => (assert.ok(error instanceof WhipError), error),
  );

withServer('an offer is posted with the key as bearer, and the answer comes back', [created()], async (endpoint, heard) => {
  const { answer, resource } = await postOffer(endpoint, 'offer');
  assert.equal(answer, 'v=0\r\n');
  assert.equal(resource.url, new URL('/whip/abc', endpoint.url).href);
  assert.deepEqual(heard, [{ method: 'POST', url: '/whip', authorization: 'Bearer k', type: 'application/sdp', ifMatch: '', body: 'offer' }]);
});

withServer('candidates follow under the ETag that was given', [created(), { status: 204 }], async (endpoint, heard) => {
  const { resource } = await postOffer(endpoint, 'offer');
  assert.equal(resource.takesCandidates, true);
  await resource.trickle('fragment');
  assert.deepEqual(heard[1], { method: 'PATCH', url: '/whip/abc', authorization: 'Bearer k', type: 'application/trickle-ice-sdpfrag', ifMatch: '"one"', body: 'fragment' });
});

withServer('a restart is for any ETag, and brings the next', [created(), { status: 200, headers: { ETag: '"two"' }, body: 'a=ice-ufrag:x\r\n' }, { status: 204 }], async (endpoint, heard) => {
  const { resource } = await postOffer(endpoint, 'offer');
  assert.equal(await resource.restart('mine'), 'a=ice-ufrag:x\r\n');
  await resource.trickle('more');
  assert.deepEqual(heard.slice(1).map(({ ifMatch }) => ifMatch), ['*', '"two"']);
});

withServer('a server without an ETag gets no candidates', [{ status: 201, headers: { Location: '/whip/abc' }, body: 'v=0\r\n' }], async (endpoint, heard) => {
  const { resource } = await postOffer(endpoint, 'offer');
  await resource.trickle('fragment');
  assert.deepEqual([resource.takesCandidates, heard.length], [false, 1]);
});

withServer('a restart that is not answered with credentials is a refusal', [created(), { status: 204 }], async (endpoint) => {
  const { resource } = await postOffer(endpoint, 'offer');
  assert.equal((await refused(resource.restart('mine'))).status, 204);
});

withServer('the reason of a refusal is the server’s own', [
  { status: 409, headers: { 'Content-Type': 'application/problem+json' }, body: '{"title":"Conflict","detail":" The key is in use. "}' },
  { status: 503, headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '7' }, body: '{"title":"Full"}' },
  { status: 401, headers: { 'Content-Type': 'text/html' }, body: '<h1>no</h1>' },
  { status: 400, headers: { 'Content-Type': 'application/problem+json' }, body: '{broken' },
], async (endpoint) => {
  const errors = [];
  for (let i = 0; i < 4; i++) errors.push(await refused(postOffer(endpoint, 'offer')));
  assert.deepEqual(errors.map(({ status, detail, retryAfterMs }) => [status, detail, retryAfterMs]), [[409, 'The key is in use.', 0], [503, 'Full', 7000], [401, '', 0], [400, '', 0]]);
});

withServer('a page that happens to be there is no endpoint', [{ status: 200, body: 'hello' }], async (endpoint) => {
  assert.match((await refused(postOffer(endpoint, 'offer'))).detail, /no WHIP endpoint/);
});

withServer('the key is not taken to another server', [created({ Location: 'https://elsewhere.example/whip/abc' })], async (endpoint) => {
  assert.match((await refused(postOffer(endpoint, 'offer'))).detail, /another server/);
});

withServer('an answer without end is not taken', [{ status: 201, headers: { Location: '/whip/abc' }, body: 'x'.repeat(300_000) }], async (endpoint) => {
  assert.match((await refused(postOffer(endpoint, 'offer'))).detail, /too long/);
});

withServer('whoever stops waiting is not kept waiting', ['never'], async (endpoint) => {
  const abort = new AbortController();
  const waiting = refused(postOffer(endpoint, 'offer', abort.signal));
  abort.abort();
  assert.equal((await waiting).status, 0);
});

test('a server that is away is status 0', async () => {
  assert.equal((await refused(postOffer({ url: 'http://127.0.0.1:9/whip', key: 'k' }, 'offer'))).status, 0);
});

withServer('ending deletes; what is gone already is no error', [created(), { status: 404 }], async (endpoint, heard) => {
  const { resource } = await postOffer(endpoint, 'offer');
  await resource.end();
  assert.deepEqual([heard[1]?.method, heard[1]?.url, heard[1]?.authorization], ['DELETE', '/whip/abc', 'Bearer k']);
});

test('ice servers are read from Link headers, others are left', () => {
  assert.deepEqual(
    iceServersOf('<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="us\\"er"; credential=secret; credential-type="password", </next>; rel="next", <https://x>; rel="ice-server"'),
    [{ urls: 'stun:stun.example.net' }, { urls: 'turn:turn.example.net?transport=udp', username: 'us"er', credential: 'secret' }],
  );
  assert.deepEqual(iceServersOf(null), []);
  assert.deepEqual(iceServersOf('nonsense, <<>; rel'), []);
});
