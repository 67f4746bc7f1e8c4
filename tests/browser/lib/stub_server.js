// Stands in for the binary where only the pages are tested: serves web/dist under the binary's own policy, canned answers of the
// API, and broadcasts.
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../e2e/lib/ports.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const types = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', m3u8: 'application/vnd.apple.mpegurl', mp4: 'video/mp4', m4s: 'video/iso.segment', jpg: 'image/jpeg' };

/** The policy in core/http/static_files.c: its string literals, joined. */
async function pagePolicy() {
  const source = await fs.readFile(path.join(root, 'core/http/static_files.c'), 'utf8');
  const [, literals] = /page_policy\[\] =([^;]*(?:"[^"]*"[^;"]*)+);/.exec(source) ?? [];
  if (!literals) throw new Error('core/http/static_files.c holds no page_policy');
  return [...literals.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join('');
}

/** A session as GET /api/sessions/{id} answers it. */
export function session(id, fields = {}) {
  return {
    sessionId: id, title: 'Sunday castle', state: 'live', visibility: 'public', createdAt: Date.now() - 130_000,
    startedAt: fields.state === 'created' ? null : Date.now() - 125_000, endedAt: null, reason: null, ladder: [], health: null,
    viewers: 0, thumbnail: `/live/${id}/thumb.jpg`, playback: { hls: `/live/${id}/index.m3u8`, page: `/watch/${id}` }, ...fields,
  };
}

/** A recording as GET /api/recordings/{id} answers it. */
export function recording(id, fields = {}) {
  return {
    id, sessionId: id, owner: 'anna', title: 'Sunday castle', kind: 'session', state: 'ready', reason: null, clipOf: null, durationMs: 1_804_000,
    bytes: 1_012_345_678, width: 1920, height: 1080, createdAt: Date.now() - 3_600_000, readyAt: Date.now(), storage: 'standard',
    posterUrl: null, storyboardUrl: null,
    playback: { hls: `/vod/${id}/index.m3u8`, page: `/recordings?recording=${id}`, token: 't', expiresAt: Date.now() + 600_000 },
    download: `/api/recordings/${id}/download`, ...fields,
  };
}

export class StubServer {
  sessions = new Map(); // id → what the API says of it
  listed = []; // ids of the active ones
  broadcasts = new Map(); // id → Broadcast
  recordings = new Map(); // id → what the API says of it
  thumbnail = null; // JPEG bytes
  requires = null; // a token without which every session is hidden
  refusals = []; // what POST /whip answers, one after the other; the last stays: {status, detail?, headers?}
  started = null; // what POST /api/sessions/start answers
  requests = []; // "path authorization"
  #server = http.createServer((request, response) => void this.#answer(request, response));
  #policy = '';
  #port = 0;

  async start() {
    this.#policy = await pagePolicy();
    this.#port ||= await freePort();
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
  }

  /** Away as a server is that was killed: nothing listens, connections break. */
  async stop() {
    const closed = new Promise((resolve) => { this.#server.close(resolve); });
    this.#server.closeAllConnections();
    await closed;
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    this.requests.push(`${pathname} ${request.headers.authorization ?? '-'} ${searchParams.get('token') ?? '-'}`);
    if (pathname.startsWith('/api/')) return this.#api(request, response, pathname);
    if (/^\/(live|vod)\//.test(pathname)) return this.#live(response, pathname);
    if (pathname.startsWith('/whip')) return this.#whip(request, response);
    const named = { '/': 'index.html', '/publish': 'publish.html', '/recordings': 'recordings.html' };
    const page = named[pathname] ?? (pathname.startsWith('/watch/') ? 'watch.html' : pathname.slice(1));
    const bytes = await fs.readFile(path.join(root, 'web/dist', path.normalize(`/${page}`))).catch(() => null);
    return send(response, bytes ? 200 : 404, bytes ?? '', page, page.endsWith('.html') ? { 'Content-Security-Policy': this.#policy } : {});
  }

  #api(request, response, pathname) {
    const isKnown = !this.requires || request.headers.authorization === `Bearer ${this.requires}`;
    if (pathname === '/api/sessions/active') {
      const sessions = isKnown ? this.listed.map((id) => this.sessions.get(id)) : [];
      return json(response, 200, { sessions, next: null });
    }
    if (pathname === '/api/sessions/start') return json(response, this.started && isKnown ? 201 : 403, this.started ?? { type: 'about:blank', title: 'no', status: 403 });
    if (pathname.startsWith('/api/recordings')) return this.#recordings(request, response, pathname, isKnown);
    const told = this.sessions.get(decodeURIComponent(pathname.split('/').at(-1)));
    if (typeof told === 'number') return json(response, told, { type: 'about:blank', title: 'no', status: told });
    return told && isKnown ? json(response, 200, told) : json(response, 404, { type: 'about:blank', title: 'no such session', status: 404 });
  }

  #recordings(request, response, pathname, isKnown) {
    const problem = (status) => json(response, status, { type: 'about:blank', title: 'no', status });
    const [, , , id, what] = pathname.split('/');
    if (!isKnown) return problem(401);
    if (id === undefined) return json(response, 200, { recordings: [...this.recordings.values()], next: null });
    const told = this.recordings.get(id);
    if (!told) return problem(404);
    if (what === 'restore') Object.assign(told, { storage: 'restoring' });
    return json(response, what === 'restore' ? 202 : 200, told);
  }

  #whip(request, response) {
    const { status, detail, headers = {} } = (this.refusals.length > 1 ? this.refusals.shift() : this.refusals[0]) ?? { status: 404 };
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    request.resume();
    return json(response, status, { type: 'about:blank', title: 'refused', status, ...(detail && { detail }) });
  }

  async #live(response, pathname) {
    const [, , id, name] = pathname.split('/');
    const bytes = name === 'thumb.jpg' ? this.thumbnail : await this.broadcasts.get(id)?.file(name);
    return send(response, bytes ? 200 : 404, bytes ?? '', name);
  }
}

function send(response, status, body, name, headers = {}) {
  response.writeHead(status, { 'Content-Type': types[name.split('.').at(-1)] ?? 'application/octet-stream', 'Cache-Control': 'no-store', ...headers });
  response.end(body);
}

function json(response, status, body) {
  response.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}
