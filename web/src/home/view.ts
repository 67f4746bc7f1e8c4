import type { Session } from '../api/session.ts';

export interface HomeView {
  sessions: Session[];
  empty: boolean;
  trouble: { heading: string; text: string } | null;
  status: string;
}

function troubleOf(status: number): { heading: string; text: string } {
  if (status === 401)
    return { heading: 'Please open your invitation again', text: 'It is missing or has run out. Ask for a new one if the link does not work.' };
  if (status === 403) return { heading: 'This list is not shared with you', text: 'Ask the family it belongs to for an invitation.' };
  return { heading: 'Porthole cannot be reached', text: 'Trying again by itself. There is no need to reload.' };
}

/* `sessions` as last heard, null before the first answer; `errorStatus` of the last question, null when it was answered.
 * An old list stays up while the server is away: what it shows was true a moment ago. A refused one does not. */
export function homeView(sessions: Session[] | null, errorStatus: number | null): HomeView {
  const refused = errorStatus === 401 || errorStatus === 403;
  const shown = refused ? [] : [...(sessions ?? [])].sort((a, b) => (b.startedAtMs ?? 0) - (a.startedAtMs ?? 0));
  const trouble = errorStatus === null ? null : troubleOf(errorStatus);
  const status = sessions === null && trouble === null ? 'Looking…' : liveCount(shown.length, trouble !== null);
  return { sessions: shown, empty: sessions !== null && shown.length === 0 && trouble === null, trouble, status };
}

function liveCount(count: number, uncertain: boolean): string {
  if (count === 0 || uncertain) return '';
  return count === 1 ? 'One session' : `${count} sessions`;
}
