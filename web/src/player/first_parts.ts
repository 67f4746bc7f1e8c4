import Hls, { type HlsConfig, type LevelDetails } from 'hls.js';

interface LoadsParts {
  shouldLoadParts(details: LevelDetails | undefined, bufferEnd: number): boolean;
}

type Controller = new (...given: unknown[]) => LoadsParts;

/* hls.js loads parts only beside a whole segment. Where there is none but the gap of playlist_numbers.ts, there is nothing
 * else to load. */
function loadingFirstParts(controller: unknown): unknown {
  return class extends (controller as Controller) {
    override shouldLoadParts(details: LevelDetails | undefined, bufferEnd: number): boolean {
      const isBegun = details?.live === true && details.partList !== null && details.fragments.every(({ gap }) => gap === true);
      return isBegun || super.shouldLoadParts(details, bufferEnd);
    }
  };
}

export const firstPartControllers = {
  streamController: loadingFirstParts(Hls.DefaultConfig.streamController),
  audioStreamController: loadingFirstParts(Hls.DefaultConfig.audioStreamController),
} as Pick<HlsConfig, 'streamController' | 'audioStreamController'>;
