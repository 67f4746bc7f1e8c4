import type { Session } from '../api/session.ts';
import type { Mood, Notice } from '../player/notice_panel.ts';
import type { PlayerState } from '../player/player.ts';

/* What the page knows: everything it shows follows from this. */
export interface Situation {
  session: Session | null; /* as last heard */
  errorStatus: number | null; /* of the last question for it; 0: no answer; null: it was answered */
  player: PlayerState | null; /* null while there is none */
  online: boolean;
}

export type Badge = 'live' | 'waiting' | 'over' | 'none';
export interface View {
  badge: Badge;
  status: string; /* one line below the picture */
  notice: Notice | null;
  wantsPlayer: boolean;
  settled: boolean; /* nothing will change: no more questions */
}

function closed(heading: string, text: string, mood: Mood, settled: boolean): View {
  return {
    badge: settled ? 'over' : 'none',
    status: settled ? heading : '',
    notice: { heading, text, mood, veil: 'full', wayOut: true },
    wantsPlayer: false,
    settled,
  };
}

function refused(status: number): View | null {
  switch (status) {
    case 401:
      return closed(
        'This stream is private',
        'Your invitation has run out. Open the link you were sent once more, or ask for a new one.',
        'trouble',
        false,
      );
    case 403:
      return closed(
        'This stream is not shared with you',
        'Ask the family it belongs to for an invitation.',
        'trouble',
        false,
      );
    case 404:
      return closed(
        'There is no such stream',
        'Open the link you were sent once more, or ask for a new one: its invitation may have run out.',
        'trouble',
        false,
      );
    case 410:
      return closed('This session is over', 'Thanks for watching.', 'calm', true);
    default:
      return null;
  }
}

function notice(heading: string, text: string, mood: Mood, veil: Notice['veil'] = 'full'): Notice {
  return { heading, text, mood, veil, wayOut: false };
}

const moving: readonly (PlayerState | null)[] = ['playing', 'paused'];

/* An open session whose picture should be on screen. */
function openView(session: Session, { player, online }: Situation): View {
  const view: View = { badge: 'live', status: 'Live', notice: null, wantsPlayer: true, settled: false };
  if (player === 'unsupported')
    return closed('This browser cannot play the stream', 'Please try a current Chrome, Edge, Firefox or Safari.', 'trouble', true);
  if (player === 'finished') return { ...closed('This session is over', 'Thanks for watching.', 'calm', false), wantsPlayer: true };
  if (session.state === 'reconnecting') {
    const veil = moving.includes(player) ? 'corner' : 'full';
    const text = 'The headset lost its connection. The picture returns by itself.';
    return { ...view, badge: 'waiting', status: 'Waiting for the headset', notice: notice('Waiting for the headset…', text, 'busy', veil) };
  }
  if (moving.includes(player)) return view;
  if (!online || player === 'waiting') {
    const text = online ? 'Slow network. The picture returns by itself.' : 'You are offline. The picture returns by itself.';
    return { ...view, badge: 'waiting', status: 'Reconnecting', notice: notice('Reconnecting…', text, 'busy') };
  }
  return { ...view, status: 'Starting', notice: notice('Starting…', 'The picture is on its way.', 'busy') };
}

export function viewOf(situation: Situation): View {
  const { session, errorStatus, player } = situation;
  const plays = moving.includes(player);
  const refusal = errorStatus === null || plays ? null : refused(errorStatus);
  if (refusal) return refusal;
  if (!session) {
    if (errorStatus === null)
      return { badge: 'none', status: '', notice: notice('Opening…', '', 'busy'), wantsPlayer: false, settled: false };
    const text = 'The server does not answer. This page keeps trying by itself.';
    return { badge: 'none', status: 'Trying again', notice: notice('Porthole cannot be reached', text, 'trouble'), wantsPlayer: false, settled: false };
  }
  switch (session.state) {
    case 'created': {
      const text = 'The stream starts here by itself as soon as the headset sends a picture.';
      return { badge: 'waiting', status: 'Not started yet', notice: notice('Waiting for the headset…', text, 'busy'), wantsPlayer: false, settled: false };
    }
    case 'ended':
      /* What is in the buffer is still played to its end. */
      if (plays) return { badge: 'over', status: 'Ending', notice: null, wantsPlayer: true, settled: true };
      return closed('This session is over', 'Thanks for watching.', 'calm', true);
    case 'failed':
      return closed('The stream could not be shown', session.reason ?? 'Something went wrong on the way. Start it again on the headset.', 'trouble', true);
    default:
      return openView(session, situation);
  }
}

/* When to ask for the session again. While the picture plays only a lost headset is news; everything else is awaited. */
export function askAgainMs({ session, player }: Situation, hears = false, random: () => number = Math.random): number {
  const calm = (session?.state === 'live' || session?.state === 'ended') && player === 'playing';
  if (hears && session) return (calm ? 60_000 : 20_000) * (0.85 + 0.3 * random());
  return (calm ? 10_000 : 3000) * (0.85 + 0.3 * random());
}

/* How many watch, this page among them; "" for what is no number, and for nobody. */
export function viewersText(count: unknown): string {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) return '';
  return `${new Intl.NumberFormat(undefined).format(count)} watching`;
}

export function pageTitle(session: Session | null, badge: Badge): string {
  const title = session?.title ?? 'Watch';
  return badge === 'live' ? `● ${title} – Porthole` : `${title} – Porthole`;
}
