/* A session that was just started, as its streamer is told. */
export type Visibility = 'private' | 'unlisted' | 'public';

export interface StartedSession {
  id: string;
  streamKey: string;
  whip: string; /* where to publish */
  page: string; /* where to watch */
  viewerToken: string;
  iceServers: RTCIceServer[];
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const within = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export function decodeStarted(value: unknown): StartedSession {
  const id = text(within(value, 'sessionId'));
  const streamKey = text(within(value, 'streamKey'));
  if (id === '' || streamKey === '') throw new TypeError('a started session has no id or no key');
  const playback = within(value, 'playback');
  const servers = within(value, 'iceServers');
  return {
    id,
    streamKey,
    whip: text(within(within(within(value, 'ingest'), 'whip'), 'url')) || '/whip',
    page: text(within(playback, 'page')) || `/watch/${encodeURIComponent(id)}`,
    viewerToken: text(within(playback, 'token')),
    iceServers: Array.isArray(servers) ? servers.flatMap(decodeIceServer) : [],
  };
}

function decodeIceServer(value: unknown): RTCIceServer[] {
  const urls = within(value, 'urls');
  const all = (Array.isArray(urls) ? urls : [urls]).filter((url): url is string => typeof url === 'string' && /^(stun|turn)s?:/i.test(url));
  if (all.length === 0) return [];
  const username = text(within(value, 'username'));
  const credential = text(within(value, 'credential'));
  return [{ urls: all, ...(username !== '' && { username }), ...(credential !== '' && { credential }) }];
}
