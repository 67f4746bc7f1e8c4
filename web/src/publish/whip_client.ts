/* WHIP (RFC 9725), the publisher's side: an offer is posted, and what comes back is a resource that is patched and deleted. */
const postTimeoutMs = 10_000;
const patchTimeoutMs = 5000;
const mostAnswerBytes = 256 * 1024;

export interface Endpoint {
  url: string;
  key: string; /* the stream key, sent as bearer token */
}

export interface Publication {
  answer: string;
  resource: WhipResource;
}

/* What the server refused, in its own words. `status` is 0 when there was no answer: no network, no server, or not in time. */
export class WhipError extends Error {
  readonly status: number;
  readonly detail: string;
  readonly retryAfterMs: number;

  constructor(status: number, detail: string, retryAfterMs = 0) {
    super(detail === '' ? `the server answered ${status}` : detail);
    this.status = status;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
  }
}

interface Request {
  method: string;
  key: string;
  type?: string;
  body?: string;
  ifMatch?: string;
  keepalive?: boolean;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

async function send(url: string, { method, key, type, body, ifMatch, keepalive, timeoutMs, signal }: Request): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${key}` };
  if (type) headers['Content-Type'] = type;
  if (ifMatch) headers['If-Match'] = ifMatch;
  const abort = new AbortController();
  const cancel = (): void => abort.abort();
  const timer = setTimeout(cancel, timeoutMs);
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  let answer: Response;
  try {
    answer = await fetch(url, { method, headers, body: body ?? null, keepalive: keepalive ?? false, cache: 'no-store', signal: abort.signal });
  } catch {
    throw new WhipError(0, '');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
  if (answer.ok) return answer;
  const retryAfterMs = Number(answer.headers.get('Retry-After') ?? 0) * 1000 || 0;
  throw new WhipError(answer.status, await problemDetail(answer), retryAfterMs);
}

/* The reason in a problem+json body (RFC 9457); empty when there is none. */
async function problemDetail(answer: Response): Promise<string> {
  if (!/^application\/(problem\+)?json\b/.test(answer.headers.get('Content-Type') ?? '')) return '';
  try {
    const problem: unknown = JSON.parse(await bodyText(answer));
    if (typeof problem !== 'object' || problem === null) return '';
    const { detail, title } = problem as Record<string, unknown>;
    const said = [detail, title].find((text): text is string => typeof text === 'string' && text.trim() !== '');
    return said?.trim().slice(0, 500) ?? '';
  } catch {
    return '';
  }
}

async function bodyText(answer: Response): Promise<string> {
  try {
    const text = await answer.text();
    if (text.length <= mostAnswerBytes) return text;
  } catch {
    throw new WhipError(0, '');
  }
  throw new WhipError(answer.status, 'The answer is too long.');
}

/* The servers named in Link headers with rel="ice-server" (RFC 9725, section 4.6). */
export function iceServersOf(link: string | null): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  for (const [, url, parameters] of (link ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)/g)) {
    const named = new Map<string, string>();
    for (const [, name, quoted, plain] of (parameters ?? '').matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g))
      named.set((name ?? '').toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    if (!url || named.get('rel') !== 'ice-server' || !/^(stun|turn)s?:/i.test(url)) continue;
    const username = named.get('username');
    const credential = named.get('credential');
    servers.push({ urls: url, ...(username !== undefined && { username }), ...(credential !== undefined && { credential }) });
  }
  return servers;
}

/* Posts an offer. The promise fails with a WhipError and nothing else. */
export async function postOffer(endpoint: Endpoint, offer: string, signal?: AbortSignal): Promise<Publication> {
  const { url, key } = endpoint;
  const answer = await send(url, { method: 'POST', key, type: 'application/sdp', body: offer, timeoutMs: postTimeoutMs, signal });
  const location = answer.headers.get('Location');
  if (answer.status !== 201 || location === null) throw new WhipError(answer.status, 'This address is no WHIP endpoint.');
  const base = new URL(answer.url || url);
  const resourceUrl = new URL(location, base);
  /* The key goes to whom it was given for, and to nobody else. */
  if (resourceUrl.origin !== base.origin) throw new WhipError(answer.status, 'The server sent us to another server.');
  const resource = new WhipResource(resourceUrl.href, key, answer.headers.get('ETag'), iceServersOf(answer.headers.get('Link')));
  return { answer: await bodyText(answer), resource };
}

/* One published session on the server. */
export class WhipResource {
  readonly url: string;
  readonly iceServers: RTCIceServer[];
  #key: string;
  #etag: string | null;

  constructor(url: string, key: string, etag: string | null, iceServers: RTCIceServer[]) {
    this.url = url;
    this.#key = key;
    this.#etag = etag;
    this.iceServers = iceServers;
  }

  /* Whether candidates may follow: a server without an ETag has no ICE sessions to tell apart. */
  get takesCandidates(): boolean {
    return this.#etag !== null;
  }

  async trickle(fragment: string): Promise<void> {
    if (this.#etag !== null) await this.#patch(fragment, this.#etag);
  }

  /* Sends new credentials; the server's new fragment comes back. */
  async restart(fragment: string): Promise<string> {
    const answer = await this.#patch(fragment, '*');
    if (answer.status !== 200) throw new WhipError(answer.status, 'The server cannot restart the connection.');
    this.#etag = answer.headers.get('ETag') ?? this.#etag;
    return bodyText(answer);
  }

  /* Ends it. One that is gone, or cannot be reached, ends by itself: nothing is reported. Outlives the page. */
  async end(): Promise<void> {
    try {
      await send(this.url, { method: 'DELETE', key: this.#key, keepalive: true, timeoutMs: patchTimeoutMs });
    } catch (error) {
      if (!(error instanceof WhipError)) throw error;
    }
  }

  #patch(body: string, ifMatch: string): Promise<Response> {
    const type = 'application/trickle-ice-sdpfrag';
    return send(this.url, { method: 'PATCH', key: this.#key, type, body, ifMatch, timeoutMs: patchTimeoutMs });
  }
}
