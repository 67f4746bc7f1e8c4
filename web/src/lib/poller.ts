import { backoffMs, type Backoff } from './backoff.ts';

/* What one round came to: `nextMs` until the next one, null to stop. */
export interface PollResult {
  failed: boolean;
  nextMs: number | null;
}

const failureBackoff: Backoff = { firstMs: 1000, mostMs: 15_000 };

/* Runs `round` again and again: never two at once, slower and with jitter while it fails, not at all while the page is
 * hidden and may rest, at once when the page is seen or the network is back. */
export class Poller {
  #round: () => Promise<PollResult>;
  #mayRest: () => boolean;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running = false;
  #wantsMore = false;
  #stopped = false;
  #failures = 0;
  #wake = (): void => {
    if (document.visibilityState === 'visible') this.poke();
  };

  constructor(round: () => Promise<PollResult>, mayRest: () => boolean = () => true) {
    this.#round = round;
    this.#mayRest = mayRest;
    document.addEventListener('visibilitychange', this.#wake);
    addEventListener('online', this.#wake);
    addEventListener('pageshow', this.#wake);
  }

  /* Runs a round now, or right after the one that is under way. */
  poke(): void {
    if (this.#stopped) return;
    if (this.#running) {
      this.#wantsMore = true;
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    document.removeEventListener('visibilitychange', this.#wake);
    removeEventListener('online', this.#wake);
    removeEventListener('pageshow', this.#wake);
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#wantsMore = false;
    const result = await this.#round();
    this.#running = false;
    if (this.#stopped) return;
    if (result.nextMs === null && !this.#wantsMore) return;
    const wait = this.#wantsMore ? 0 : this.#waitMs(result);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (document.visibilityState === 'visible' || !this.#mayRest()) void this.#run();
    }, wait);
  }

  #waitMs(result: PollResult): number {
    const nextMs = result.nextMs ?? 0;
    if (!result.failed) {
      this.#failures = 0;
      return nextMs;
    }
    return Math.max(nextMs, backoffMs(this.#failures++, failureBackoff));
  }
}
