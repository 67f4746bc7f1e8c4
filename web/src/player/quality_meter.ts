import type { PlayerState } from './player.ts';

/* What is seen of the player at one moment; null where it does not tell. */
export interface Sample {
  latencySeconds: number | null;
  bitsPerSecond: number | null; /* of the rendition on screen */
  throughput: number | null; /* bits per second, as the player measures it */
  droppedFrames: number | null;
}

/* Under the keys of CMCD (CTA-5004), as the API takes them with a beat; all of the time since the page began to play. */
export interface Quality {
  msd?: number;
  bsa: number;
  bsda: number;
  br?: number;
  ltc?: number;
  mtp?: number;
  dfa?: number;
}

const stepMs = 100;
const mostLatencyMs = 60_000;

/* Keeps account of how the watching goes: fed with each state of the player and with a sample each second while it plays.
 * Memory stays the same over hours: the median comes from a histogram. */
export class QualityMeter {
  #openedMs: number | null = null;
  #startupMs: number | null = null;
  #stalls = 0;
  #stalledMs = 0;
  #stalledSinceMs: number | null = null;
  #latencies = new Uint32Array(mostLatencyMs / stepMs + 1);
  #latencyCount = 0;
  #bitrateSum = 0;
  #bitrateCount = 0;
  #throughput: number | null = null;
  #dropped: number | null = null;

  /* A player was made; the first one is what the startup counts from. */
  opened(nowMs: number): void {
    this.#openedMs ??= nowMs;
  }

  stateChanged(state: PlayerState | null, nowMs: number): void {
    if (state === 'playing') this.#startupMs ??= nowMs - (this.#openedMs ?? nowMs);
    if (this.#stalledSinceMs !== null && state !== 'waiting') {
      this.#stalledMs += nowMs - this.#stalledSinceMs;
      this.#stalledSinceMs = null;
    }
    if (state === 'waiting' && this.#stalledSinceMs === null && this.#startupMs !== null) {
      this.#stalls++;
      this.#stalledSinceMs = nowMs;
    }
  }

  sample({ latencySeconds, bitsPerSecond, throughput, droppedFrames }: Sample): void {
    if (latencySeconds !== null && Number.isFinite(latencySeconds)) {
      const ms = Math.min(mostLatencyMs, Math.max(0, latencySeconds * 1000));
      const step = Math.round(ms / stepMs);
      this.#latencies[step] = (this.#latencies[step] ?? 0) + 1;
      this.#latencyCount++;
    }
    if (bitsPerSecond !== null && bitsPerSecond > 0) {
      this.#bitrateSum += bitsPerSecond;
      this.#bitrateCount++;
    }
    if (throughput !== null && Number.isFinite(throughput)) this.#throughput = throughput;
    if (droppedFrames !== null) this.#dropped = Math.max(this.#dropped ?? 0, droppedFrames);
  }

  quality(nowMs: number): Quality {
    const stillMs = this.#stalledSinceMs === null ? 0 : nowMs - this.#stalledSinceMs;
    const quality: Quality = { bsa: this.#stalls, bsda: Math.round(this.#stalledMs + stillMs) };
    if (this.#startupMs !== null) quality.msd = Math.round(this.#startupMs);
    if (this.#bitrateCount > 0) quality.br = Math.round(this.#bitrateSum / this.#bitrateCount / 1000);
    if (this.#latencyCount > 0) quality.ltc = this.#medianMs();
    if (this.#throughput !== null) quality.mtp = Math.round(this.#throughput / 1000);
    if (this.#dropped !== null) quality.dfa = this.#dropped;
    return quality;
  }

  #medianMs(): number {
    let below = 0;
    const step = this.#latencies.findIndex((count) => (below += count) * 2 >= this.#latencyCount);
    return step * stepMs;
  }
}
