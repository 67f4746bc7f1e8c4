/* Keeping to the live edge by speed alone. hls.js only speeds up while more than a second lies in the buffer; with parts
 * of 0.2 s the whole hold-back is less than that, so the page does it itself. */
export interface LivePosition {
  latency: number; /* seconds behind the end of the playlist */
  target: number; /* where it should be */
  buffered: number; /* seconds ahead of the picture */
  rate: number; /* the present speed */
}

const gentle = 1.05; /* not heard, not seen */
const brisk = 1.1;
const leastBuffered = 0.3;
const leaveAt = 0.15; /* starts to catch up so far behind the target … */
const arriveAt = 0.04; /* … and stops here */
const briskFrom = 0.6;

export function catchUpRate({ latency, target, buffered, rate }: LivePosition): number {
  const behind = latency - target;
  if (buffered < leastBuffered) return 1;
  if (behind > briskFrom) return brisk;
  if (behind > leaveAt) return gentle;
  return rate > 1 && behind > arriveAt ? gentle : 1;
}

/* Farther behind than speed mends in reasonable time: jump instead. */
export const jumpBehindSeconds = 3;

const stallAddsSeconds = 0.25;
const mostAddedSeconds = 2;
const calmMs = 30_000; /* without a stall, a step is given back */

/* How far behind the edge to play: what the server asks for (PART-HOLD-BACK), more after each stall, less again as the
 * connection stays calm. */
export class LatencyTarget {
  #added = 0;
  #changedMs = 0;

  stalled(nowMs: number): void {
    this.#added = Math.min(mostAddedSeconds, this.#added + stallAddsSeconds);
    this.#changedMs = nowMs;
  }

  seconds(holdBack: number, nowMs: number): number {
    if (this.#added > 0 && nowMs - this.#changedMs > calmMs) {
      this.#added -= stallAddsSeconds;
      this.#changedMs = nowMs;
    }
    return holdBack + this.#added;
  }
}
