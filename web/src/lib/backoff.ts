export interface Backoff {
  firstMs: number;
  mostMs: number;
}

/* The wait before retry number `attempt` (0 is the first): doubles up to `mostMs`, and at least half of it is kept, the
 * rest is random, so that a thousand viewers who lost the same server do not come back in the same instant. */
export function backoffMs(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  const whole = Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(attempt, 30));
  return whole / 2 + (whole / 2) * random();
}
