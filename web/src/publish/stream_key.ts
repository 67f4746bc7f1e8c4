/* The stream key: pasted, or in the address behind `#key=`, where no server's log ever sees it. It is kept for this tab, so that
 * a reload does not ask for it again, and is taken out of the address. */
const storageKey = 'porthole.stream_key';

export interface AddressWithKey {
  key: string | null;
  address: string; /* path, query and fragment without the key */
}

export function splitKey(url: URL): AddressWithKey {
  const fragment = new URLSearchParams(url.hash.replace(/^#/, ''));
  if (!fragment.has('key')) return { key: null, address: url.pathname + url.search + url.hash };
  const key = cleanKey(fragment.get('key') ?? '') || null;
  fragment.delete('key');
  const hash = fragment.toString();
  return { key, address: url.pathname + url.search + (hash && `#${hash}`) };
}

/* What was pasted, less what comes along when it is copied: blanks, quotes, the address around it. */
export function cleanKey(pasted: string): string {
  const trimmed = pasted.trim().replace(/^["'“”]+|["'“”]+$/g, '').trim();
  const inAddress = /[?&#](?:streamid|key)=([^&#\s]+)/.exec(trimmed)?.[1];
  if (inAddress === undefined) return trimmed;
  try {
    return decodeURIComponent(inAddress);
  } catch {
    return inAddress;
  }
}

export function adoptKey(): string {
  const { key, address } = splitKey(new URL(location.href));
  if (new URLSearchParams(location.hash.replace(/^#/, '')).has('key')) history.replaceState(history.state, '', address);
  if (key !== null) keepKey(key);
  try {
    return key ?? sessionStorage.getItem(storageKey) ?? '';
  } catch {
    return key ?? '';
  }
}

/* Storage may be forbidden: the key then lives as long as the page. */
export function keepKey(key: string): void {
  try {
    if (key === '') sessionStorage.removeItem(storageKey);
    else sessionStorage.setItem(storageKey, key);
  } catch {
    /* as long as the page, then */
  }
}
