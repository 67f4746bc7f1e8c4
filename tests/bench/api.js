// The control plane under load with PostgreSQL on the same machine, which keeps what it commits (fsync on): requests come at a fixed
// rate whether the last ones were answered or not, and each is timed from the moment it was due.
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { cpuSeconds } from './lib/process.js';
import { printTable, quantile } from './lib/table.js';

const perSecond = Number(process.argv[2] ?? 500);
const seconds = Number(process.argv[3] ?? 20);
const database = process.argv[4] ?? 'postgresql';
const secret = 'a-secret-of-the-benches-own-32-characters';
const streamers = 1_000;

const base64url = (text) => Buffer.from(text).toString('base64url');
function sign(claims) {
  const body = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims }))}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
const tokens = Array.from({ length: streamers }, (_, index) => sign({ sub: `streamer-${index}`, role: 'streamer' }));
const sessions = [];
const viewers = []; // paths of those who joined
let watched;        // the session that they joined
const any = (list) => list[Math.floor(Math.random() * list.length)];

/** What is asked for, how often (in a hundred), and which bar holds for it. */
const kinds = [
  { name: 'sessions.active', share: 30, bar: 'read', request: () => ({ path: '/api/sessions/active?limit=20', token: any(tokens) }) },
  { name: 'sessions.get', share: 25, bar: 'read', request: () => {
    const session = any(sessions);
    return { path: `/api/sessions/${session.id}`, token: session.token };
  } },
  { name: 'sessions.start', share: 10, bar: 'write', request: () => {
    const token = any(tokens);
    return { method: 'POST', path: '/api/sessions/start', token, body: '{"title":"A title","visibility":"public"}',
      then: (answer) => sessions.push({ id: answer.sessionId, token }) };
  } },
  { name: 'sessions.end', share: 5, bar: 'write', request: () => {
    const session = sessions.length > 200 ? sessions.shift() : any(sessions);
    return { method: 'POST', path: `/api/sessions/end/${session.id}`, token: session.token };
  } },
  { name: 'profiles.put', share: 5, bar: 'write', request: () => {
    const index = Math.floor(Math.random() * streamers);
    return { method: 'PUT', path: `/api/profiles/streamer-${index}`, token: tokens[index], body: '{"displayName":"A streamer"}' };
  } },
  { name: 'viewers.join', share: 10, bar: 'write', request: () => {
    const path = `/api/sessions/${watched}/viewers`;
    return { method: 'POST', path, token: any(tokens), then: (answer) => viewers.push(`${path}/${answer.viewerId}`) };
  } },
  { name: 'viewers.beat', share: 15, bar: 'write', request: () => (viewers.length
    ? { method: 'PUT', path: any(viewers), token: any(tokens) }
    : { path: '/api/sessions/active?limit=20', token: any(tokens) }) },
];
const draw = kinds.flatMap((kind) => Array(kind.share).fill(kind));

function send(node, { method = 'GET', path: target, token, body }, done) {
  const headers = { authorization: `Bearer ${token}` };
  if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  const request = http.request({ host: '127.0.0.1', port: node.httpPort, method, path: target, headers, agent }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (piece) => (text += piece));
    answer.on('end', () => done(answer.statusCode, text));
  });
  request.on('error', (error) => done(0, error.message));
  request.end(body);
}

/** Sends at the fixed rate for a while; {kind, ms, status} of every request. */
async function load(node, duration) {
  const samples = [];
  const began = performance.now();
  const total = Math.round(perSecond * duration);
  let sent = 0;
  await new Promise((resolve) => {
    const one = (due) => {
      const kind = any(draw);
      const request = kind.request();
      send(node, request, (status, text) => {
        samples.push({ kind, status, ms: performance.now() - due });
        if (status === 201) request.then?.(JSON.parse(text));
        if (samples.length === total) resolve();
      });
    };
    const tick = () => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1_000));
      while (sent < due) one(began + (++sent * 1_000) / perSecond);
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
  });
  return samples;
}

const stage = new Stage();
try {
  if (database === 'postgresql') {
    const postgres = await stage.postgres();
    await postgres.stop('SIGINT');
    fs.appendFileSync(path.join(postgres.folder, 'cluster/postgresql.conf'), 'fsync = on\nfull_page_writes = on\n');
    await postgres.serve();
  }
  const node = await stage.node({ roles: 'api', env: { PORTHOLE_JWT_SECRET: secret, PORTHOLE_RATE_LIMITS: '', PORTHOLE_LOG_LEVEL: 'warning' } });
  await Promise.all(tokens.slice(0, 100).map((token) => new Promise((resolve) => {
    send(node, { method: 'POST', path: '/api/sessions/start', token, body: '{"visibility":"public"}' }, (status, text) => {
      if (status === 201) sessions.push({ id: JSON.parse(text).sessionId, token });
      resolve();
    });
  })));
  await waitFor('sessions to begin with', () => sessions.length > 50);
  watched = sessions.shift().id;
  await load(node, 3);
  const cpuBefore = cpuSeconds(node.child.pid);
  const samples = await load(node, seconds);
  const cpu = (cpuSeconds(node.child.pid) - cpuBefore) / seconds;

  const row = (what, some, bar) => {
    const ms = some.map((one) => one.ms);
    return [what, some.length, ...[0.5, 0.95, 0.99].map((q) => quantile(ms, q)), Math.max(...ms), bar, some.filter((one) => one.status >= 400 || one.status === 0).length];
  };
  const rows = kinds.map((kind) => row(kind.name, samples.filter((one) => one.kind === kind)));
  for (const [bar, limit] of [['read', 10], ['write', 30]]) rows.push(row(`all ${bar}s`, samples.filter((one) => one.kind.bar === bar), limit));
  printTable(`API at ${perSecond} requests/s for ${seconds} s on ${database}, ms from due to answered (node: ${cpu.toFixed(2)} cores)`,
    ['call', 'count', 'p50', 'p95', 'p99', 'most', 'p99 bar', 'failed'], rows, { digits: 1 });
  const bad = rows.filter((one) => one[6] && one[4] > one[6]);
  if (bad.length || samples.some((one) => one.status >= 500 || one.status === 0)) process.exitCode = 1;
} finally {
  agent.destroy();
  await stage.close();
}
