import type { Quality } from '../player/quality_meter.ts';
import { askJson, sendOnly } from './client.ts';

export interface Joined {
  viewerId: string;
  beatMs: number;
}

const viewersOf = (session: string): string => `/api/sessions/${encodeURIComponent(session)}/viewers`;

/* An iPad calls itself a Macintosh; its fingers tell. */
function deviceHint(): { device: string } | undefined {
  return navigator.maxTouchPoints > 1 && /Macintosh/.test(navigator.userAgent) ? { device: 'tablet' } : undefined;
}

export async function joinSession(session: string): Promise<Joined> {
  const answer = (await askJson(viewersOf(session), 'POST', deviceHint())) as Partial<Record<string, unknown>> | null;
  const viewerId = answer?.['viewerId'];
  const seconds = answer?.['heartbeatSeconds'];
  if (typeof viewerId !== 'string') throw new TypeError('the answer names no viewer');
  return { viewerId, beatMs: (typeof seconds === 'number' && seconds >= 5 ? seconds : 30) * 1000 };
}

/* Tells how the watching goes, too. */
export const beat = (session: string, viewer: string, cmcd: Quality): Promise<void> =>
  sendOnly(`${viewersOf(session)}/${viewer}`, 'PUT', { body: { cmcd } });
/* Reaches the server although the page goes away. */
export const leave = (session: string, viewer: string): Promise<void> => sendOnly(`${viewersOf(session)}/${viewer}`, 'DELETE', { keepalive: true });
