import type { Figures } from './statistics.ts';
import type { PublishPage } from './publish_page.ts';

/* `window.porthole`, read-only, for tests and for a look from the console:
 *   connection the RTCPeerConnection, or null while there is none
 *   phase      where the publication stands, as in connection_state.ts
 *   figures    what the page shows of the statistics */
export function exposeForTests(page: PublishPage): void {
  const hook = {
    get connection(): RTCPeerConnection | null {
      return page.publication.connection;
    },
    get phase(): string {
      return page.publication.state.phase;
    },
    get figures(): Figures {
      return page.figures;
    },
  };
  Object.defineProperty(window, 'porthole', { value: Object.freeze(hook) });
}
