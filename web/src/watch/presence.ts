import { ApiError } from '../api/client.ts';
import { beat, joinSession, leave, type Joined } from '../api/viewers.ts';
import type { Quality } from '../player/quality_meter.ts';

const retryMs = 15_000;

/* Counts this page among the viewers while it plays: joins, beats, leaves. Nothing on the page waits for it. */
export class Presence {
  #session: string;
  #quality: () => Quality;
  #joined: Joined | null = null;
  #wanted = false;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(session: string, quality: () => Quality) {
    this.#session = session;
    this.#quality = quality;
    addEventListener('pagehide', () => this.leave());
    addEventListener('pageshow', () => this.#kick());
  }

  /* Whether the viewer watches. */
  watch(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#kick();
    else this.leave();
  }

  leave(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const joined = this.#joined;
    this.#joined = null;
    if (joined) void leave(this.#session, joined.viewerId).catch(() => undefined);
  }

  #kick(): void {
    if (this.#wanted && !this.#busy && this.#timer === null) void this.#round();
  }

  async #round(): Promise<void> {
    this.#busy = true;
    this.#timer = null;
    let nextMs: number | null = retryMs;
    try {
      if (this.#joined) await beat(this.#session, this.#joined.viewerId, this.#quality());
      else this.#joined = await joinSession(this.#session);
      nextMs = this.#joined?.beatMs ?? retryMs;
    } catch (error) {
      nextMs = this.#afterFailure(error);
    }
    this.#busy = false;
    if (!this.#wanted) this.leave();
    else if (nextMs !== null) this.#timer = setTimeout(() => void this.#round(), nextMs);
  }

  /* Counted out: join again at once. Not let in, or over: never. Else later. */
  #afterFailure(error: unknown): number | null {
    const status = error instanceof ApiError ? error.status : 0;
    if (status === 404 && this.#joined) {
      this.#joined = null;
      return 0;
    }
    return [401, 403, 404, 409].includes(status) ? null : Math.max(retryMs, error instanceof ApiError ? error.retryAfterMs : 0);
  }
}
