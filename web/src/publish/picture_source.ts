import { CaptureError, openCamera, openCameraAndMicrophone, openMicrophone, openScreen } from './capture.ts';
import type { Quality } from './quality.ts';

export interface Choice {
  source: 'camera' | 'screen';
  camera: string; /* device id; empty: any */
  microphone: string | null; /* device id; empty: any; null: no sound */
  quality: Quality;
}

/* The tracks that are shown and sent. Owns them: what is replaced is stopped, so that no camera's light stays on. */
export class PictureSource {
  video: MediaStreamTrack | null = null;
  audio: MediaStreamTrack | null = null;
  #lost: (device: 'picture' | 'sound') => void;
  #round = 0;

  /* `lost`: a track ended by itself, a camera was unplugged or sharing was stopped in the browser's own bar. */
  constructor(lost: (device: 'picture' | 'sound') => void) {
    this.#lost = lost;
  }

  /* Asks for what is chosen. A picture without sound, or the other way round, is kept; what failed comes back, null when
   * nothing did. A later call makes an earlier one void: undefined. */
  async open(choice: Choice): Promise<CaptureError | null | undefined> {
    const round = ++this.#round;
    const { tracks, error } = await ask(choice);
    if (round !== this.#round) {
      for (const track of tracks) track.stop();
      return undefined;
    }
    this.#take('video', tracks.find(({ kind }) => kind === 'video') ?? null);
    this.#take('audio', tracks.find(({ kind }) => kind === 'audio') ?? null);
    return error;
  }

  /* Another sound under the same picture: a shared screen is not asked for again. */
  async openSound(microphone: string | null): Promise<CaptureError | null | undefined> {
    const round = ++this.#round;
    const { tracks, error } = await each(async () => (microphone === null ? [] : [await openMicrophone(microphone)]));
    if (round !== this.#round) {
      for (const track of tracks) track.stop();
      return undefined;
    }
    this.#take('audio', tracks[0] ?? null);
    return error;
  }

  close(): void {
    this.#round += 1;
    this.#take('video', null);
    this.#take('audio', null);
  }

  #take(kind: 'video' | 'audio', track: MediaStreamTrack | null): void {
    const before = this[kind];
    if (before && before !== track) before.stop();
    this[kind] = track;
    track?.addEventListener('ended', () => {
      if (this[kind] !== track) return;
      this[kind] = null;
      this.#lost(kind === 'video' ? 'picture' : 'sound');
    });
  }
}

interface Asked {
  tracks: MediaStreamTrack[];
  error: CaptureError | null;
}

/* Every track that can be had, and the first error. */
async function each(...openings: (() => Promise<MediaStreamTrack[]>)[]): Promise<Asked> {
  const asked: Asked = { tracks: [], error: null };
  for (const open of openings) {
    try {
      asked.tracks.push(...(await open()));
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      asked.error ??= error;
    }
  }
  return asked;
}

async function ask({ source, camera, microphone, quality }: Choice): Promise<Asked> {
  const sound = async (): Promise<MediaStreamTrack[]> => (microphone === null ? [] : [await openMicrophone(microphone)]);
  if (source === 'screen') return askScreen(microphone, quality, sound);
  if (microphone !== null) {
    const both = await each(() => openCameraAndMicrophone(camera, microphone, quality));
    if (!both.error || ['insecure', 'incapable', 'unsupported'].includes(both.error.fault)) return both;
  }
  return each(async () => [await openCamera(camera, quality)], sound);
}

/* The screen's own sound goes before the microphone's: it is the game. */
async function askScreen(microphone: string | null, quality: Quality, sound: () => Promise<MediaStreamTrack[]>): Promise<Asked> {
  const screen = await each(async () => {
    const { video, audio } = await openScreen(quality);
    if (audio && microphone === null) audio.stop();
    return audio && microphone !== null ? [video, audio] : [video];
  });
  if (screen.error || screen.tracks.length > 1) return screen;
  const { tracks, error } = await each(sound);
  return { tracks: [...screen.tracks, ...tracks], error };
}
