/* The viewer's token: comes in the page's address (`?token=` or `#token=`), is kept for this tab only, and is taken out
 * of the address so that it is not passed on with a shared link. */
const storageKey = 'porthole.token';

export interface AddressWithToken {
  token: string | null;
  address: string; /* path, query and fragment without the token */
}

export function splitToken(url: URL): AddressWithToken {
  const query = new URLSearchParams(url.search);
  const fragment = new URLSearchParams(url.hash.replace(/^#/, ''));
  const token = fragment.get('token') || query.get('token') || null;
  if (!query.has('token') && !fragment.has('token')) return { token, address: url.pathname + url.search + url.hash };
  query.delete('token');
  fragment.delete('token');
  const search = query.toString();
  const hash = fragment.toString();
  return { token, address: url.pathname + (search && `?${search}`) + (hash && `#${hash}`) };
}

let current: string | null = null;

/* Storage may be forbidden (private windows, embedded pages): the token then lives as long as the page. */
export function adoptToken(): void {
  const { token, address } = splitToken(new URL(location.href));
  try {
    if (token) sessionStorage.setItem(storageKey, token);
    current = token ?? sessionStorage.getItem(storageKey);
  } catch {
    current = token;
  }
  if (token) history.replaceState(history.state, '', address);
}

export function viewerToken(): string | null {
  return current;
}

/* The address with `token` in its query, in the place of another one: for what a browser fetches without our headers
 * (pictures, playlists, media). */
export function withToken(address: string, token: string | null): string {
  if (!token) return address;
  const plain = address.replace(/([?&])token=[^&#]*&?/, '$1').replace(/[?&]$/, '');
  return `${plain}${plain.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`;
}

export interface Bearer {
  subject: string;
  role: string;
}

/* Whom a token speaks for. Not checked, and only for what a page offers: what may be done the server decides. */
export function bearerOf(token: string | null): Bearer | null {
  const claims = token?.split('.')[1];
  if (!claims) return null;
  try {
    const bytes = Uint8Array.from(atob(claims.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
    const { sub, role } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown; role?: unknown };
    return { subject: typeof sub === 'string' ? sub : '', role: typeof role === 'string' ? role : '' };
  } catch {
    return null;
  }
}
