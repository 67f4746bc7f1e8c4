/* Notices that the picture stands still although it should move. */
export interface Progress {
  nowMs: number;
  mark: number; /* changes with every frame shown */
  expected: boolean; /* false while paused, hidden, or the session is over */
}

export type StallRemedy = 'none' | 'jump' | 'rebuild';

const jumpAfterMs = 4000;
const rebuildAfterMs = 9000;
const rebuildAgainMs = 15_000;

/* First a jump to the live edge, then a new player, then a new player every so often. */
export class StallWatch {
  #mark = -1;
  #sinceMs = 0;
  #nextMs = jumpAfterMs;
  #jumped = false;

  observe({ nowMs, mark, expected }: Progress): StallRemedy {
    if (!expected || mark !== this.#mark) {
      this.#mark = mark;
      this.#sinceMs = nowMs;
      this.#nextMs = jumpAfterMs;
      this.#jumped = false;
      return 'none';
    }
    if (nowMs - this.#sinceMs < this.#nextMs) return 'none';
    if (!this.#jumped) {
      this.#jumped = true;
      this.#nextMs = rebuildAfterMs;
      return 'jump';
    }
    this.#sinceMs = nowMs;
    this.#nextMs = rebuildAgainMs;
    return 'rebuild';
  }
}
