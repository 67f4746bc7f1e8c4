import { ApiError, askJson, sendOnly } from './client.ts';

export type RecordingState = 'recording' | 'processing' | 'ready' | 'failed';
export type Storage = 'standard' | 'infrequent' | 'archived' | 'restoring' | 'restored';
export type RecordingKind = 'session' | 'clip' | 'upload';

/* A recording as the API describes it. What comes in is checked here, and only here. */
export interface Recording {
  id: string;
  sessionId: string | null;
  owner: string;
  title: string;
  kind: RecordingKind;
  state: RecordingState;
  reason: string | null; /* why it failed, in words for people */
  durationMs: number | null;
  bytes: number | null; /* of the MP4 */
  createdAtMs: number;
  storage: Storage;
  poster: string | null; /* these hold a token already */
  storyboard: string | null;
  playlist: string | null;
  token: string | null;
  tokenEndsAtMs: number | null;
}

export interface RecordingPage {
  recordings: Recording[];
  next: string | null;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null);
const positive = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null);

function oneOf<Value extends string>(value: unknown, known: readonly Value[]): Value | null {
  return known.find((candidate) => candidate === value) ?? null;
}

/* Null for what is deleted or makes no sense. */
export function decodeRecording(value: unknown): Recording | null {
  if (!isObject(value)) return null;
  const id = text(value['id']);
  const state = oneOf(value['state'], ['recording', 'processing', 'ready', 'failed']);
  if (id === null || state === null) return null;
  const playback = isObject(value['playback']) ? value['playback'] : {};
  return {
    id,
    sessionId: text(value['sessionId']),
    owner: text(value['owner']) ?? '',
    title: text(value['title']) ?? 'Untitled recording',
    kind: oneOf(value['kind'], ['session', 'clip', 'upload']) ?? 'session',
    state,
    reason: text(value['reason']),
    durationMs: positive(value['durationMs']),
    bytes: positive(value['bytes']),
    createdAtMs: positive(value['createdAt']) ?? 0,
    storage: oneOf(value['storage'], ['standard', 'infrequent', 'archived', 'restoring', 'restored']) ?? 'standard',
    poster: text(value['posterUrl']),
    storyboard: text(value['storyboardUrl']),
    playlist: text(playback['hls']),
    token: text(playback['token']),
    tokenEndsAtMs: positive(playback['expiresAt']),
  };
}

export function decodeRecordingPage(value: unknown): RecordingPage {
  if (!isObject(value) || !Array.isArray(value['recordings'])) throw new TypeError('the answer holds no recordings');
  return { recordings: value['recordings'].flatMap((entry) => decodeRecording(entry) ?? []), next: text(value['next']) };
}

function decoded(value: unknown): Recording {
  if (isObject(value) && (value['state'] === 'deleting' || value['state'] === 'deleted')) throw new ApiError(410, 'the recording was deleted');
  const recording = decodeRecording(value);
  if (!recording) throw new TypeError('the answer is no recording');
  return recording;
}

/* The page that plays it. */
export const addressOf = (id: string): string => `/recordings?recording=${encodeURIComponent(id)}`;

const pathOf = (id: string): string => `/api/recordings/${encodeURIComponent(id)}`;

export async function recordingPage(cursor: string | null, limit: number): Promise<RecordingPage> {
  const from = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  return decodeRecordingPage(await askJson(`/api/recordings?limit=${limit}${from}`));
}

export async function recording(id: string): Promise<Recording> {
  return decoded(await askJson(pathOf(id)));
}

/* A short-lived address of its MP4. */
export async function downloadAddress(id: string): Promise<string> {
  const answer = await askJson(`${pathOf(id)}/download`);
  const url = isObject(answer) ? text(answer['url']) : null;
  if (url === null) throw new TypeError('the answer holds no address');
  return url;
}

export async function restoreRecording(id: string): Promise<Recording> {
  return decoded(await askJson(`${pathOf(id)}/restore`, 'POST'));
}

export const deleteRecording = (id: string): Promise<void> => sendOnly(pathOf(id), 'DELETE');

export interface Cut {
  fromMs: number;
  toMs: number;
  title: string;
}

export async function createClip(id: string, { fromMs, toMs, title }: Cut): Promise<Recording> {
  return decoded(await askJson(`${pathOf(id)}/clips`, 'POST', { fromMs: Math.round(fromMs), toMs: Math.round(toMs), ...(title !== '' && { title }) }));
}
