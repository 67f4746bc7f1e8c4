import { decodeSession, decodeSessions, type Session } from './session.ts';
import { decodeStarted, type StartedSession, type Visibility } from './started_session.ts';
import { viewerToken } from './token.ts';

const timeoutMs = 8000;

/* An answer that is no success. `status` is 0 when there was none: no network, no server, or not in time. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfterMs: number;

  constructor(status: number, message: string, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Timing {
  dateMs: number;
  sentMs: number;
  receivedMs: number;
}

let timingListener: ((timing: Timing) => void) | null = null;

/* Hears the Date header of every answer. */
export function onTiming(listener: (timing: Timing) => void): void {
  timingListener = listener;
}

async function ask(path: string, method: string, body: unknown, keepalive = false): Promise<string> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const token = viewerToken();
  if (token) headers['Authorization'] = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  const sentMs = Date.now();
  try {
    const payload = body === undefined ? null : JSON.stringify(body);
    const answer = await fetch(path, { method, headers, body: payload, cache: 'no-store', signal: abort.signal, keepalive });
    const date = answer.headers.get('Date');
    if (date) timingListener?.({ dateMs: Date.parse(date), sentMs, receivedMs: Date.now() });
    if (!answer.ok) {
      const retryAfterMs = Number(answer.headers.get('Retry-After') ?? 0) * 1000 || 0;
      throw new ApiError(answer.status, `${path} answered ${answer.status}`, retryAfterMs);
    }
    return await answer.text();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, `${path} could not be reached: ${String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

export async function askJson(path: string, method = 'GET', body?: unknown): Promise<unknown> {
  const text = await ask(path, method, body);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(0, `${path} answered with no JSON`);
  }
}

/* For calls whose answer is that they were heard. `keepalive`: also from a page that goes away. */
export async function sendOnly(path: string, method: string, { body, keepalive = false }: { body?: unknown; keepalive?: boolean } = {}): Promise<void> {
  await ask(path, method, body, keepalive);
}

export async function activeSessions(): Promise<Session[]> {
  return decodeSessions(await askJson('/api/sessions/active?limit=100'));
}

export async function session(id: string): Promise<Session> {
  return decodeSession(await askJson(`/api/sessions/${encodeURIComponent(id)}`));
}

/* Starts a session of the caller's own. */
export async function startSession(title: string, visibility: Visibility): Promise<StartedSession> {
  return decodeStarted(await askJson('/api/sessions/start', 'POST', { ...(title !== '' && { title }), visibility, metadata: { platform: 'browser' } }));
}

export async function endSession(id: string): Promise<void> {
  await askJson(`/api/sessions/end/${encodeURIComponent(id)}`, 'POST');
}
