/* The server's clock as seen from here, from `Date` headers alone.
 *
 * A Date header is cut to whole seconds, so one answer only says that the server's clock read between D and D + 1 s at
 * some moment between request and arrival. Each answer therefore bounds the offset (server minus local) from both
 * sides; answers fall on all phases of the second, and the bounds close in on the truth. All times are milliseconds. */
const driftPerMs = 100e-6; /* bounds loosen by 100 ppm, so that they follow a clock that drifts */
const headerResolutionMs = 1000;

export interface DateSample {
  dateMs: number; /* the Date header */
  sentMs: number; /* local clock when the request left */
  receivedMs: number; /* local clock when the header arrived */
}

export class ServerClock {
  #lowest = -Infinity;
  #highest = Infinity;
  #updatedMs = 0;

  add({ dateMs, sentMs, receivedMs }: DateSample): void {
    if (!Number.isFinite(dateMs) || receivedMs < sentMs) return;
    const loosened = Math.max(0, receivedMs - this.#updatedMs) * driftPerMs;
    const lowest = dateMs - receivedMs;
    const highest = dateMs + headerResolutionMs - sentMs;
    this.#updatedMs = receivedMs;
    this.#lowest = Math.max(this.#lowest - loosened, lowest);
    this.#highest = Math.min(this.#highest + loosened, highest);
    if (this.#lowest > this.#highest) {
      /* One of the clocks was set: what was known before is worth nothing. */
      this.#lowest = lowest;
      this.#highest = highest;
    }
  }

  /* Server minus local clock; 0 while nothing is known. */
  get offsetMs(): number {
    return Number.isFinite(this.#lowest) ? (this.#lowest + this.#highest) / 2 : 0;
  }

  /* How far the offset may be off; Infinity while nothing is known. */
  get uncertaintyMs(): number {
    return (this.#highest - this.#lowest) / 2;
  }
}
