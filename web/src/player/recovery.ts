import { backoffMs, type Backoff } from '../lib/backoff.ts';

/* What to do after an error that the player does not mend on its own. */
export type Fault = 'network' | 'media' | 'other';
export type Remedy = 'resume' | 'recover-media' | 'rebuild';

export interface Plan {
  remedy: Remedy;
  afterMs: number;
}

const backoff: Backoff = { firstMs: 500, mostMs: 8000 };
const mediaAgainMs = 10_000;
const resumesBeforeRebuild = 2;

/* Never gives up: a session that lasts is worth another try; only the caller knows that it ended. */
export class Recovery {
  #attempt = 0;
  #mediaMs = -Infinity;
  #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  plan(fault: Fault, nowMs: number): Plan {
    if (fault === 'media' && nowMs - this.#mediaMs > mediaAgainMs) {
      this.#mediaMs = nowMs;
      return { remedy: 'recover-media', afterMs: 0 };
    }
    const resumes = fault === 'network' && this.#attempt < resumesBeforeRebuild;
    const afterMs = backoffMs(this.#attempt++, backoff, this.#random);
    return { remedy: resumes ? 'resume' : 'rebuild', afterMs };
  }

  /* The picture moves again. */
  settled(): void {
    this.#attempt = 0;
  }
}
