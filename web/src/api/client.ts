import { decodeSession, decodeSessions, type Session } from './session.ts';
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

async function getJson(path: string): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const token = viewerToken();
  if (token) headers['Authorization'] = `Bearer ${token}`;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  const sentMs = Date.now();
  try {
    const answer = await fetch(path, { headers, cache: 'no-store', signal: abort.signal });
    const date = answer.headers.get('Date');
    if (date) timingListener?.({ dateMs: Date.parse(date), sentMs, receivedMs: Date.now() });
    if (!answer.ok) {
      const retryAfterMs = Number(answer.headers.get('Retry-After') ?? 0) * 1000 || 0;
      throw new ApiError(answer.status, `${path} answered ${answer.status}`, retryAfterMs);
    }
    return await answer.json();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, `${path} could not be reached: ${String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

export async function activeSessions(): Promise<Session[]> {
  return decodeSessions(await getJson('/api/sessions/active?limit=100'));
}

export async function session(id: string): Promise<Session> {
  return decodeSession(await getJson(`/api/sessions/${encodeURIComponent(id)}`));
}
