// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { run } from './lib/child.js';
import { request } from './lib/http.js';
import { repository } from './lib/media.js';
import { Description, file } from './lib/openapi.js';
import { insertRecording } from './lib/recordings.js';
import { scenario, scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const someSession = 'kmp2hwamzsevckjttco2k6vusq'; // stands for a session of the caller's in the examples

/** The first bytes of an answer that goes on: {status, headers, text}. */
function beginning(url, headers) {
  return new Promise((resolve, reject) => {
    const sent = http.get(url, { headers }, (answer) => {
      answer.once('data', (text) => {
        resolve({ status: answer.statusCode, headers: answer.headers, text: String(text) });
        sent.destroy();
      });
    });
    sent.on('error', reject);
  });
}

scenarioOnBoth('the API answers as its description says, for every operation and every example', async (stage) => {
  const node = await stage.node({ env: { PORTHOLE_API_KEY: 'k'.repeat(40) } });
  stage.secrets.add('k'.repeat(40));
  const description = Description.read((await request(`${node.url}/api/openapi.yaml`)).text);
  const as = {
    nobody: null,
    streamer: await stage.token(node),
    viewer: await stage.token(node, { role: 'viewer', sub: 'mum' }),
    operator: await stage.token(node, { role: 'operator', sub: 'olga' }),
    admin: await stage.token(node, { role: 'admin', sub: 'ada' }),
    app: 'k'.repeat(40),
  };
  const started = async () => (await stage.session(node)).id;
  const session = await started();

  const told = new Set();
  async function call(id, who, { params = {}, query = '', body, raw, headers: more = {}, type = 'application/json', stream = false } = {}) {
    const { at, method } = description.operations.get(id);
    const address = at.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? session));
    const headers = { ...more, ...(as[who] ? { authorization: `Bearer ${as[who]}` } : {}) };
    if (body !== undefined || raw) headers['content-type'] = type;
    const form = type.includes('form') && body ? new URLSearchParams(body).toString() : undefined;
    const payload = body === undefined ? raw : (form ?? JSON.stringify(body).replaceAll(someSession, session));
    const url = `${node.url}${address}${query}`;
    const answer = stream ? await beginning(url, headers) : await request(url, { method, headers, body: payload });
    description.check(id, answer);
    if (answer.status < 300) told.add(id);
    return answer;
  }

  /** Sends every example of the operation's body; the last answer. */
  async function replay(id, who, params) {
    let answer;
    const examples = description.examples(description.operations.get(id));
    for (const { type, value } of examples) {
      answer = await call(id, who, { params, body: value, type });
      assert.ok(answer.status < 300, `${id}: the example ${JSON.stringify(value)} is answered ${answer.status} ${answer.text}`);
    }
    assert.ok(examples.length > 0, `${id} has no example`);
    return answer;
  }

  for (const id of description.operations.keys()) description.checkAnswerExamples(id);

  await replay('startSession', 'streamer');
  await call('startSession', 'streamer', { body: { titel: 'x' } });
  await call('startSession', 'nobody');
  await call('startSession', 'viewer');
  await call('startSession', 'streamer', { body: { title: 'x'.repeat(20_000) } });
  await call('getSession', 'nobody');
  await call('getSession', 'nobody', { params: { id: 'a'.repeat(26) } });
  for (const id of ['listActiveSessions', 'listActiveStreams']) {
    await call(id, 'nobody');
    await call(id, 'nobody', { query: '?limit=0' });
  }
  await replay('issueToken', 'streamer');
  await call('issueToken', 'app', { body: { role: 'viewer', sub: 'mum' } });
  await call('issueToken', 'operator');
  await replay('beatSession', 'streamer');
  await replay('putProfile', 'admin', { sub: 'streamer-1' });
  await call('getProfile', 'streamer', { params: { sub: 'streamer-1' } });
  await call('getProfile', 'viewer', { params: { sub: 'streamer-1' } });
  await call('getProfile', 'app', { params: { sub: 'nobody-yet' } });
  await call('changeStreamKey', 'streamer');
  await call('revokeStreamKey', 'streamer');
  await call('revokeStreamKey', 'viewer');

  await replay('joinStream', 'viewer');
  const { viewerId } = (await replay('joinSession', 'viewer')).json;
  await call('beatViewer', 'viewer', { params: { viewer: viewerId } });
  await call('listViewers', 'streamer');
  await call('listViewers', 'nobody');
  await call('leaveSession', 'viewer', { params: { viewer: viewerId } });
  await call('leaveSession', 'viewer', { params: { viewer: 'a'.repeat(26) } });

  const message = (await replay('sayInChat', 'viewer')).json;
  await call('readChat', 'nobody');
  await call('listChatMutes', 'streamer');
  await call('muteChatAuthor', 'streamer', { params: { author: message.author.id } });
  await call('unmuteChatAuthor', 'streamer', { params: { author: message.author.id } });
  await call('deleteChatMessage', 'streamer', { params: { message: message.id } });
  await call('followEvents', 'nobody', { query: `?session=${session}`, stream: true });

  const { id: webhook, secret } = (await replay('createWebhook', 'admin')).json;
  stage.secrets.add(secret);
  await call('listWebhooks', 'admin');
  await call('listWebhooks', 'operator');
  await call('deleteWebhook', 'admin', { params: { id: webhook } });

  await call('listWorkers', 'viewer');
  const [worker] = await waitFor('the worker to be listed', async () => {
    const { workers } = (await call('listWorkers', 'operator')).json;
    return workers.length > 0 && workers;
  });
  await call('getWorker', 'operator', { params: { id: worker.workerId ?? worker.id } });
  await call('drainWorker', 'operator', { params: { id: worker.workerId ?? worker.id } });
  await call('getWorker', 'admin', { params: { id: 'a'.repeat(26) } });
  await call('listAudit', 'admin', { query: '?limit=5' });
  await call('listAudit', 'operator');
  await call('getSessionAnalytics', 'streamer');
  await call('getSessionAnalytics', 'viewer');
  await call('getAnalyticsSummary', 'operator', { query: '?owner=streamer-1' });
  await call('getAnalyticsSummary', 'streamer', { query: '?from=x' });

  const recording = await insertRecording(stage, { owner: 'streamer-1' });
  const of = { params: { id: recording } };
  await call('listRecordings', 'streamer', { query: '?limit=5' });
  await call('listRecordings', 'streamer', { query: '?session=x' });
  await call('listRecordings', 'nobody');
  await call('listSessionRecordings', 'streamer');
  await call('getRecording', 'streamer', of);
  await call('getRecording', 'viewer', of);
  await call('restoreRecording', 'streamer', of);
  await call('downloadRecording', 'operator', of);
  await call('downloadRecording', 'streamer', of);
  await call('downloadRecording', 'streamer', { ...of, headers: { accept: 'application/json' } });
  await replay('createClip', 'streamer', { id: recording });
  await call('createClip', 'streamer', { ...of, body: { fromMs: 5, toMs: 6 } });
  const tus = { 'tus-resumable': '1.0.0' };
  const video = Buffer.concat([Buffer.from('000000206674797069736f6d', 'hex'), Buffer.alloc(20)]);
  const began = await call('createUpload', 'streamer', { headers: { ...tus, 'upload-length': '32', 'upload-metadata': 'title Q2FzdGxl' } });
  const upload = { params: { id: began.headers.location.split('/').at(-1) } };
  await call('createUpload', 'viewer', { headers: { ...tus, 'upload-length': '32' } });
  await call('createUpload', 'streamer', { headers: { ...tus, 'upload-length': '500000001' } });
  await call('createUpload', 'streamer');
  await call('lookAtUpload', 'streamer', { ...upload, headers: tus });
  const chunk = { ...upload, type: 'application/offset+octet-stream', raw: video.subarray(0, 16) };
  await call('sendUploadChunk', 'streamer', { ...chunk, headers: { ...tus, 'upload-offset': '0' } });
  await call('sendUploadChunk', 'streamer', { ...chunk, headers: { ...tus, 'upload-offset': '0' } });
  await call('overrideUploadMethod', 'streamer', { ...upload, headers: { ...tus, 'x-http-method-override': 'HEAD' } });
  await call('overrideUploadMethod', 'streamer', { ...upload, headers: { ...tus, 'x-http-method-override': 'PUT' } });
  await call('endUpload', 'streamer', { ...upload, headers: tus });
  await call('endUpload', 'streamer', { ...upload, headers: tus });

  await call('deleteRecording', 'streamer', of);
  await call('deleteRecording', 'viewer', of);

  for (const id of ['askToUnsubscribe', 'unsubscribe']) await call(id, 'nobody', { query: '?wish=x' });
  await call('endSession', 'streamer');
  await call('deleteStreamSession', 'operator', { params: { id: await started() } });
  await call('getDescription', 'nobody');

  const rest = [...description.operations].filter(([, { exercised }]) => exercised === 0).map(([id]) => id);
  assert.deepEqual(rest, [], 'operations that nothing was asked of');
  const refusedAlone = ['askToUnsubscribe', 'unsubscribe']; // their wishes are signed, and come by mail
  const untold = [...description.operations.keys()].filter((id) => !told.has(id) && !refusedAlone.includes(id));
  assert.deepEqual(untold, [], 'operations that never succeeded');
}, { within: 30_000 });

scenario('the API description has no fault that its linter knows', async () => {
  const tests = path.join(repository, 'tests');
  const spectral = path.join(tests, 'node_modules/.bin/spectral');
  await run(spectral, ['lint', '--fail-severity', 'warn', '--ruleset', path.join(tests, 'e2e/lib/openapi_rules.yaml'), file], { cwd: tests });
}, { within: 60_000 });
