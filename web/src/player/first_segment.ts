/* Longer than the server holds a request. */
const longestHoldMs = 9000;

/* Waits until the media playlist lists its first whole segment, which the server holds the request for; returns as well
 * when that fails, or the player goes. */
export async function firstSegmentListed(playlist: string, player: AbortSignal): Promise<void> {
  const url = new URL(playlist, document.baseURI);
  url.searchParams.set('_HLS_msn', '0');
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), longestHoldMs);
  const gone = () => late.abort();
  player.addEventListener('abort', gone);
  try {
    await (await fetch(url, { signal: late.signal })).arrayBuffer();
  } catch {
    /* The player's own request finds out what is wrong. */
  } finally {
    clearTimeout(timer);
    player.removeEventListener('abort', gone);
  }
}
