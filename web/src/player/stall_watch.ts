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
/* A remedy may bring a single frame: the picture moves again when so many looks in a row see a new one. */
const looksThatMove = 3;

/* First a jump to the live edge, then a new player, then a new player every so often. */
export class StallWatch {
  #mark = -1;
  #sinceMs = 0;
  #nextMs = jumpAfterMs;
  #jumped = false;
  #moved = 0;

  /* From the first remedy until the picture moves. */
  get stands(): boolean {
    return this.#jumped;
  }

  observe({ nowMs, mark, expected }: Progress): StallRemedy {
    this.#moved = mark === this.#mark ? 0 : this.#moved + 1;
    this.#mark = mark;
    if (!expected || this.#moved >= looksThatMove || (this.#moved > 0 && !this.#jumped)) {
      this.#sinceMs = nowMs;
      this.#nextMs = jumpAfterMs;
      this.#jumped = false;
      return 'none';
    }
    if (this.#moved > 0 || nowMs - this.#sinceMs < this.#nextMs) return 'none';
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
