// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import http from 'node:http';
import { parseEnvelope } from '@sentry/core';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const key = '0123456789abcdef0123456789abcdef';

/** An error tracker; `answer` gives a status and headers. */
async function tracker(stage, answer = () => [200, {}]) {
  const reports = [];
  const server = http.createServer((request, response) => {
    const blocks = [];
    request.on('data', (block) => blocks.push(block));
    request.on('end', () => {
      const [head, items] = parseEnvelope(Buffer.concat(blocks));
      reports.push({ path: request.url, auth: request.headers['x-sentry-auth'], type: request.headers['content-type'], head, items: items.map(([item, payload]) => [item, JSON.parse(Buffer.from(payload))]) });
      response.writeHead(...answer(reports.length)).end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.after(() => server.close());
  return { reports, dsn: `http://${key}@127.0.0.1:${server.address().port}/42` };
}

scenario('a crash of a worker is reported, and nothing of keys, tokens and addresses with it', async (stage) => {
  const { reports, dsn } = await tracker(stage);
  const node = await stage.node({ env: { PORTHOLE_SENTRY_DSN: dsn } });
  const session = await stage.session(node);
  await stage.publish(session, node.srtPort);
  await session.multivariant();
  process.kill(node.workers()[0].pid, 'SIGSEGV');
  await waitFor('the report', () => reports.length > 0);
  const [{ path, auth, type, head, items: [[item, event]] }] = reports;
  assert.equal(path, '/api/42/envelope/');
  assert.match(auth, new RegExp(`^Sentry sentry_version=7, .*sentry_key=${key}$`));
  assert.equal(type, 'application/x-sentry-envelope');
  assert.equal(item.type, 'event');
  assert.equal(head.event_id, event.event_id);
  assert.match(event.event_id, /^[0-9a-f]{32}$/);
  assert.equal(event.logentry.formatted, 'transcoding process ended by a signal');
  assert.equal(event.level, 'error');
  assert.match(event.release, /^porthole@\d/);
  assert.equal(event.extra.signal, 11);
  assert.ok(Math.abs(Date.parse(event.timestamp) - Date.now()) < 30_000);
  const all = JSON.stringify(reports.map(({ items }) => items));
  for (const secret of [...stage.secrets, session.id, '127.0.0.1']) assert.ok(!all.includes(secret), 'scrubbed');
  await waitFor('it to be counted', async () => (await node.metric('porthole_errors_reported_total')) === reports.length);
});

scenario('an error tracker that wants silence, or is not there, gets it, and what it misses is counted', async (stage) => {
  const { reports, dsn } = await tracker(stage, () => [429, { 'retry-after': '600' }]);
  const node = await stage.node({ env: { PORTHOLE_SENTRY_DSN: dsn } });
  const crash = async () => {
    const session = await stage.session(node);
    await stage.publish(session, node.srtPort);
    await session.multivariant();
    process.kill(node.workers()[0].pid, 'SIGSEGV');
  };
  await crash();
  await waitFor('the first report', () => reports.length === 1);
  await crash();
  await waitFor('the second to be dropped', async () => (await node.metric('porthole_errors_dropped_total')) >= 2);
  assert.equal(reports.length, 1);
});
