import type { HlsConfig } from 'hls.js';

const bandwidthKey = 'porthole.bandwidth';
/* Enough for 720p and not for 1080p: a first picture soon on any line; measurement lifts it within seconds. */
const bandwidthBeforeMeasured = 4_000_000;

export function rememberedBandwidth(): number {
  try {
    const saved = Number(localStorage.getItem(bandwidthKey));
    return saved >= 100_000 ? Math.min(saved, 50_000_000) : bandwidthBeforeMeasured;
  } catch {
    return bandwidthBeforeMeasured;
  }
}

export function rememberBandwidth(bitsPerSecond: number): void {
  if (!Number.isFinite(bitsPerSecond) || bitsPerSecond <= 0) return;
  try {
    localStorage.setItem(bandwidthKey, String(Math.round(bitsPerSecond)));
  } catch {
    /* Forbidden storage: every visit starts from the default. */
  }
}

/* Retries below are short: what outlasts them is mended by Recovery, which knows whether the session still lasts. */
const quickRetries = {
  timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: { maxNumRetry: 3, retryDelayMs: 300, maxRetryDelayMs: 2000 },
};

/* Flat memory over hours. */
const liveBuffers = { backBufferLength: 8, maxBufferLength: 10, maxMaxBufferLength: 20 };
/* Enough to sit out a lost network for a while, and to go back a little without loading it again. */
const recordingBuffers = { backBufferLength: 45, maxBufferLength: 40, maxMaxBufferLength: 60 };

export function hlsConfig(bandwidth: number, isRecording: boolean): Partial<HlsConfig> {
  return {
    lowLatencyMode: true,
    /* The stream is CMAF, which passes through: a worker would cost a download and a hop for each part. */
    enableWorker: false,
    liveDurationInfinity: true,
    /* Speed and distance are ours (catch_up.ts); the distance itself is the server's PART-HOLD-BACK. */
    maxLiveSyncPlaybackRate: 1,
    liveSyncOnStallIncrease: 0,
    ...(isRecording ? recordingBuffers : liveBuffers),
    /* The first fragment is already the picture, not a measurement. */
    startLevel: -1,
    testBandwidth: false,
    abrEwmaDefaultEstimate: bandwidth,
    abrEwmaDefaultEstimateMax: 50_000_000,
    capLevelToPlayerSize: true,
    /* Parts of 0.2 s make starting gaps of a frame likely; step over them sooner. */
    maxBufferHole: 0.15,
    nudgeMaxRetry: 6,
    enableInterstitialPlayback: false,
    enableDateRangeMetadataCues: false,
    enableEmsgMetadataCues: false,
    enableID3MetadataCues: false,
    manifestLoadPolicy: { default: { maxTimeToFirstByteMs: 6000, maxLoadTimeMs: 10_000, ...quickRetries } },
    /* A playlist may be held for three target durations. */
    playlistLoadPolicy: { default: { maxTimeToFirstByteMs: 9000, maxLoadTimeMs: 12_000, ...quickRetries } },
    fragLoadPolicy: { default: { maxTimeToFirstByteMs: 6000, maxLoadTimeMs: 20_000, ...quickRetries } },
  };
}
