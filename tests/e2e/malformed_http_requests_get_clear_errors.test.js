// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import net from 'node:net';
import { request } from './lib/http.js';
import { scenario } from './lib/stage.js';

/** Sends bytes and gives what came back until the server closed or was silent for `patience` ms. */
function exchange(port, bytes, patience = 1_000) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(patience, () => socket.destroy());
    socket.on('data', (block) => {
      answer += block.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

const statusOf = (answer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

scenario('malformed requests get 4xx or a closed connection, and the server goes on', async (stage) => {
  const { node, session } = await stage.live();
  const live = `/live/${session.id}`;
  const raw = {
    'no HTTP at all': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n',
    'no version': `GET ${live}/index.m3u8\r\n\r\n`,
    'a bad version': `GET / HTTP/9.9\r\nHost: x\r\n\r\n`,
    'an unknown method': `BREW ${live}/index.m3u8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'a negative length': `PUT /publish/x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n`,
    'two lengths': `PUT /publish/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello`,
    'a length that is no number': `PUT /publish/x HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n`,
    'bad chunks': `PUT /publish/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
    'a header without a colon': `GET / HTTP/1.1\r\nHost x\r\nConnection: close\r\n\r\n`,
    'a huge header': `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(200_000)}\r\n\r\n`,
    'a huge path': `GET /${'a'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'a path up and away': `GET ${live}/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'an encoded path up and away': `GET ${live}/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'a zero byte': `GET ${live}/index.m3u8%00.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'broken escapes': `GET ${live}/%zz%f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(raw)) {
    const answer = await exchange(node.httpPort, bytes);
    const status = statusOf(answer);
    assert.ok(status === 0 || (status >= 400 && status < 500) || (status === 505 && name === 'a bad version'), `${name}: ${answer.slice(0, 200)}`);
    assert.ok(!answer.includes('root:'), `${name}: a file of the system is served`);
  }

  const expectations = [
    ['GET', `${live}/v360/index.m3u8?_HLS_part=1`, 400],
    ['GET', `${live}/v360/index.m3u8?_HLS_msn=soon`, 400],
    ['GET', `${live}/v360/index.m3u8?_HLS_msn=-1`, 400],
    ['GET', `${live}/v360/index.m3u8?_HLS_msn=99999999999999999999`, 400],
    ['GET', `${live}/v360/index.m3u8?_HLS_msn=1&_HLS_part=x`, 400],
    ['GET', `${live}/v360/index.m3u8?_HLS_msn=1000000`, 400],
    ['GET', `${live}/v360/1000000.m4s`, 404],
    ['GET', `${live}/v360/007.m4s`, 404],
    ['GET', `${live}/v999/index.m3u8`, 404],
    ['GET', '/live/nosuchsession/index.m3u8', 404],
    ['GET', '/nothing/here', 404],
    ['POST', `${live}/index.m3u8`, 405],
    ['PUT', `/publish/${session.id}`, 401],
    ['PUT', `/publish/${session.id}/v360/0.0.m4s`, 401],
    ['DELETE', `/publish/${session.id}`, 401],
    ['POST', '/api/sessions/start', 401],
    ['GET', '/api/sessions/nosuchsession', 404],
  ];
  for (const [method, path, status] of expectations) {
    const answer = await request(node.url + path, { method, body: method === 'PUT' ? 'x' : undefined });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 200)}`);
  }

  const authorized = { authorization: `Bearer ${session.token}`, 'content-type': 'application/json' };
  for (const body of ['{', '[]', 'null', '{"visibility":"everybody"}', '{"title":7}', `{"title":"${'x'.repeat(100_000)}"}`, '{"a":'.repeat(5_000)]) {
    const answer = await request(`${node.url}/api/sessions/start`, { method: 'POST', headers: authorized, body });
    assert.ok(answer.status >= 400 && answer.status < 500, `${body.slice(0, 40)}: ${answer.status}`);
    assert.match(answer.headers['content-type'] ?? '', /application\/problem\+json/, body.slice(0, 40));
  }
  for (const token of ['x', 'a.b.c', `${session.token}x`, 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwicm9sZSI6ImFkbWluIiwiZXhwIjo5OTk5OTk5OTk5fQ.']) {
    const answer = await request(`${node.url}/api/sessions/active`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 401, token.slice(0, 20));
  }

  assert.equal((await request(`${node.url}/health`)).status, 200);
  await session.segments('v360', 1);
});

scenario('connections that dawdle are closed, and hold nobody up', async (stage) => {
  const node = await stage.node();
  const slow = Array.from({ length: 50 }, () => net.connect(node.httpPort, '127.0.0.1'));
  stage.after(() => slow.forEach((socket) => socket.destroy()));
  const closed = slow.map((socket) => new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', resolve);
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX-');
    socket.resume();
  }));
  for (let i = 0; i < 20; i++) assert.equal((await request(`${node.url}/health`, { timeout: 10_000 })).status, 200);
  await Promise.all(closed);
}, { within: 60_000 });
