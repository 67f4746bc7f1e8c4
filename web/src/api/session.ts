/* A session as the API describes it. What comes in is checked here, and only here. */
export type SessionState = 'created' | 'live' | 'reconnecting' | 'ended' | 'failed';

export interface Session {
  id: string;
  title: string;
  state: SessionState;
  startedAtMs: number | null;
  endedAtMs: number | null;
  viewers: number | null;
  reason: string | null; /* why it ended or failed, in words for people */
  playlist: string;
  thumbnail: string;
  playbackToken: string | null; /* for the files of a private session; good for some minutes, each answer has a fresh one */
}

const states: readonly string[] = ['created', 'live', 'reconnecting', 'ended', 'failed'];

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

/* UTC milliseconds. */
function instant(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}

export function decodeSession(value: unknown): Session {
  if (!isObject(value)) throw new TypeError('a session is not an object');
  const id = text(value['sessionId']);
  if (id === null) throw new TypeError('a session has no id');
  const state = text(value['state']);
  if (state === null || !states.includes(state)) throw new TypeError(`session ${id} has no known state`);
  const playback = isObject(value['playback']) ? value['playback'] : {};
  return {
    id,
    title: text(value['title']) ?? 'Untitled session',
    state: state as SessionState,
    startedAtMs: instant(value['startedAt']),
    endedAtMs: instant(value['endedAt']),
    viewers: count(value['viewers']),
    reason: text(value['reason']),
    playlist: text(playback['hls']) ?? `/live/${encodeURIComponent(id)}/index.m3u8`,
    thumbnail: text(value['thumbnail']) ?? `/live/${encodeURIComponent(id)}/thumb.jpg`,
    playbackToken: text(playback['token']),
  };
}

/* The active sessions; one that makes no sense is left out, so that it does not hide the others. */
export function decodeSessions(value: unknown): Session[] {
  const list = isObject(value) ? value['sessions'] : null;
  if (!Array.isArray(list)) throw new TypeError('the answer holds no list of sessions');
  return list.flatMap((entry) => {
    try {
      return [decodeSession(entry)];
    } catch {
      return [];
    }
  });
}

/* An address of the session's files as this page can reach it. A server that only knows itself as localhost names that in its
 * links; a page that was opened by another name of the same server takes the path and stays where it is. */
export function reachable(address: string, page: URL): string {
  const url = new URL(address, page);
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (local && url.port === page.port) return url.pathname + url.search;
  return url.origin === page.origin ? url.pathname + url.search : url.href;
}

/* The session's id in /watch/<session>; null for any other path. */
export function sessionOfPath(path: string): string | null {
  const match = /^\/watch\/([^/]+)\/?$/.exec(path);
  if (!match?.[1]) return null;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return null;
  }
}
