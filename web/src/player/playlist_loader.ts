import Hls, { type HlsConfig, type Loader, type LoaderCallbacks, type LoaderConfiguration, type PlaylistLoaderContext } from 'hls.js';

import { addressToAsk, playlistAsTold } from './playlist_numbers.ts';

type PlaylistLoader = new (config: HlsConfig) => Loader<PlaylistLoaderContext>;

/* Loads media playlists as playlist_numbers.ts tells them; `startMs` is where a player begins that is built anew, UTC milliseconds, or null. */
export function playlistLoader(startMs: () => number | null): PlaylistLoader {
  return class extends (Hls.DefaultConfig.loader as unknown as PlaylistLoader) {
    override load(context: PlaylistLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<PlaylistLoaderContext>): void {
      const { onSuccess } = callbacks;
      super.load({ ...context, url: addressToAsk(context.url) }, config, {
        ...callbacks,
        onSuccess: (response, stats, _asked, networkDetails) => {
          const { data } = response;
          const told = typeof data === 'string' ? { ...response, data: playlistAsTold(data, startMs()) } : response;
          onSuccess(told, stats, context, networkDetails);
        },
      });
    }
  };
}
