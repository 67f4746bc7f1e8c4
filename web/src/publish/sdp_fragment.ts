/* Fragments of SDP that carry ICE credentials and candidates (RFC 8840), and answers that take them over. */
export interface Candidate {
  mid: string;
  line: string; /* "candidate:…", as RTCIceCandidate gives it */
}

const lines = (sdp: string): string[] => sdp.split(/\r?\n/).filter((line) => line !== '');
const text = (parts: string[]): string => parts.map((line) => `${line}\r\n`).join('');

function attribute(sdp: string, name: string): string | null {
  const prefix = `a=${name}:`;
  return lines(sdp).find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? null;
}

/* The media descriptions of an SDP: its m= line and its mid. */
function media(sdp: string): { line: string; mid: string }[] {
  return sdp
    .split(/^(?=m=)/m)
    .slice(1)
    .map((section) => ({ line: lines(section)[0] ?? '', mid: attribute(section, 'mid') ?? '' }));
}

/* What tells a server of these candidates, which belong to the ICE generation of `offer`. */
export function fragmentOf(offer: string, candidates: readonly Candidate[], isEnd: boolean): string {
  const ufrag = attribute(offer, 'ice-ufrag') ?? '';
  const pwd = attribute(offer, 'ice-pwd') ?? '';
  const parts = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`];
  for (const [index, { line, mid }] of media(offer).entries()) {
    const own = candidates.filter((candidate) => candidate.mid === mid);
    /* Everything is bundled: only the first description, and those with candidates, say something. */
    if (own.length === 0 && index > 0) continue;
    parts.push(line, `a=mid:${mid}`, ...own.map((candidate) => `a=${candidate.line}`));
    if (isEnd) parts.push('a=end-of-candidates');
  }
  return text(parts);
}

/* The answer with the credentials and candidates of a server's fragment in place of its own; null when it has none. */
export function withFragment(answer: string, fragment: string): string | null {
  const ufrag = attribute(fragment, 'ice-ufrag');
  const pwd = attribute(fragment, 'ice-pwd');
  if (!ufrag || !pwd) return null;
  const candidates = lines(fragment).filter((line) => /^a=(candidate:|end-of-candidates$)/.test(line));
  const parts: string[] = [];
  let section = -1;
  const closeSection = (): void => {
    if (section === 0) parts.push(...candidates);
  };
  for (const line of lines(answer)) {
    if (line.startsWith('m=')) {
      closeSection();
      section += 1;
    }
    if (/^a=(candidate:|end-of-candidates$)/.test(line)) continue;
    if (line.startsWith('a=ice-ufrag:')) parts.push(`a=ice-ufrag:${ufrag}`);
    else if (line.startsWith('a=ice-pwd:')) parts.push(`a=ice-pwd:${pwd}`);
    else parts.push(line);
  }
  closeSection();
  return text(parts);
}
