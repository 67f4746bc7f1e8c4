import type { Recording, RecordingKind } from '../api/recordings.ts';
import type { Bearer } from '../api/token.ts';
import { sizeText } from '../lib/size_text.ts';

export type Tone = 'live' | 'busy' | 'calm' | 'trouble';

/* What can be done with a recording, and what is said of it. */
export interface RecordingView {
  badge: string; /* empty: none */
  tone: Tone;
  text: string; /* what its state means for who looks at it; empty when there is nothing to say */
  canPlay: boolean;
  canRestore: boolean;
  watchLive: boolean;
}

const makings: Record<RecordingKind, string> = {
  session: 'It is being put together, and is here in a moment by itself.',
  clip: 'Your clip is being cut, and is here in a moment by itself.',
  upload: 'It is being made ready to play everywhere, and is here by itself. A long one takes a while.',
};

const quiet: RecordingView = { badge: '', tone: 'calm', text: '', canPlay: false, canRestore: false, watchLive: false };

export function recordingView({ state, storage, kind, reason }: Recording): RecordingView {
  if (state === 'recording') return { ...quiet, badge: 'Recording', tone: 'live', text: 'It is live, and being recorded.', watchLive: true };
  if (state === 'processing') return { ...quiet, badge: 'Being made', tone: 'busy', text: makings[kind] };
  if (state === 'failed') return { ...quiet, badge: 'Failed', tone: 'trouble', text: reason ?? 'Something went wrong on the way.' };
  if (storage === 'archived') {
    const text = 'It lies in the deep archive, as recordings that nobody watched for a long time do. Bringing it back takes up to two days.';
    return { ...quiet, badge: 'Deep archive', text, canRestore: true };
  }
  if (storage === 'restoring')
    return { ...quiet, badge: 'On its way back', tone: 'busy', text: 'It is being brought back from the deep archive. That takes up to two days; you can close this page.' };
  const text = storage === 'restored' ? 'It was brought back from the deep archive, and stays for a week.' : '';
  return { ...quiet, text, canPlay: true };
}

const kinds: Record<RecordingKind, string> = { session: '', clip: 'Clip', upload: 'Uploaded' };

/* Date, kind and size in one line. */
export function factsText({ createdAtMs, kind, bytes }: Recording, style: 'short' | 'long'): string {
  const date = createdAtMs === 0 ? '' : new Intl.DateTimeFormat(undefined, style === 'short' ? { dateStyle: 'medium' } : { dateStyle: 'full', timeStyle: 'short' }).format(createdAtMs);
  return [date, kinds[kind], bytes === null ? '' : sizeText(bytes)].filter((fact) => fact !== '').join(' · ');
}

/* Whose it is may do so; so may admins. */
export const mayDelete = (bearer: Bearer | null, { owner }: Recording): boolean =>
  bearer !== null && (bearer.role === 'admin' || bearer.subject === owner);

export const mayUpload = (bearer: Bearer | null): boolean => bearer?.role === 'streamer';

export interface Trouble {
  heading: string;
  text: string;
}

/* Why the list, or the one that was asked for, cannot be shown. */
export function troubleOf(status: number, what: 'list' | 'one'): Trouble {
  if (status === 401) return { heading: 'Please open your invitation again', text: 'It is missing or has run out. Ask for a new one if the link does not work.' };
  if (what === 'one' && status === 404) return { heading: 'There is no such recording', text: 'It may have been deleted, or your invitation is for another one.' };
  if (what === 'one' && status === 410) return { heading: 'This recording was deleted', text: 'It is gone for good.' };
  if (status === 403) return { heading: 'This is not shared with you', text: 'Ask the family it belongs to for an invitation.' };
  return { heading: 'Porthole cannot be reached', text: 'Trying again by itself. There is no need to reload.' };
}

/* What went wrong with something that was asked for, by the answer's status. */
export function refusalText(status: number, what: string): string {
  if (status === 401) return 'Your invitation has run out. Open the link you were sent once more.';
  if (status === 403) return `You may not ${what} this recording.`;
  if (status === 404 || status === 410) return 'It is not there any more.';
  if (status === 409) return `It is not possible to ${what} it just yet.`;
  if (status === 429) return 'That was too often. Please try again in a while.';
  if (status === 413) return 'That is too long.';
  return 'Porthole did not answer. Please try again.';
}

const leastClipMs = 1000;
const mostClipMs = 3_600_000;

/* Why a clip cannot be cut so; empty when it can. */
export function cutFault(fromMs: number | null, toMs: number | null, durationMs: number | null): string {
  if (fromMs === null || toMs === null) return 'Give both moments as minutes and seconds, like 1:05.';
  if (toMs <= fromMs) return 'The clip has to end after it starts.';
  if (toMs - fromMs < leastClipMs) return 'A clip lasts a second at least.';
  if (toMs - fromMs > mostClipMs) return 'A clip lasts an hour at most.';
  if (durationMs !== null && toMs > durationMs + leastClipMs) return 'That is after the end of the recording.';
  return '';
}
