import type { WatchPage } from './watch_page.ts';

/* `window.porthole`, read-only, for tests and for a look from the console:
 *   hls       the hls.js instance, or null where the browser plays HLS itself
 *   video     the video element
 *   latency() seconds between the picture's time and the server's clock, or null
 *   level()   {width, height} of the rendition on screen, or null
 *   clock()   {offsetMs, uncertaintyMs} of the server's clock against this one */
export function exposeForTests(page: WatchPage): void {
  const hook = {
    get hls() {
      return page.player?.hls ?? null;
    },
    get video() {
      return page.video;
    },
    latency: () => page.latencySeconds(),
    level: () => page.player?.level() ?? null,
    clock: () => ({ offsetMs: page.clock.offsetMs, uncertaintyMs: page.clock.uncertaintyMs }),
  };
  Object.defineProperty(window, 'porthole', { value: Object.freeze(hook) });
}
