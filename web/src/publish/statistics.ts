/* What a look at the peer connection's statistics says, against the look before. */
export interface Figures {
  bitrate: number | null; /* bits per second, picture and sound */
  frameRate: number | null;
  width: number | null;
  height: number | null;
  roundTripMs: number | null;
  lossPercent: number | null;
  codec: string | null; /* "H.264" */
  transport: string | null; /* "UDP", "TCP" */
  limitedBy: 'cpu' | 'bandwidth' | null;
}

type Entry = Record<string, unknown>;
export type Report = Iterable<readonly [string, Entry]>;

interface Counters {
  atMs: number;
  bytes: number;
  sent: number;
  lost: number;
}

export const noFigures: Figures = {
  bitrate: null, frameRate: null, width: null, height: null, roundTripMs: null, lossPercent: null, codec: null, transport: null, limitedBy: null,
};

const codecNames: Record<string, string> = { h264: 'H.264', h265: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1' };
/* Losses are reported about once a second: over less than this they jump. */
const lossWindowMs = 5000;

const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const sum = (entries: Entry[], key: string): number => entries.reduce((total, entry) => total + (number(entry[key]) ?? 0), 0);

/* Keeps what the differences are made from. One for each peer connection. */
export class Statistics {
  #history: Counters[] = [];

  look(report: Report, nowMs: number): Figures {
    const byId = new Map(report);
    const entries = [...byId.values()];
    const ofType = (type: string): Entry[] => entries.filter((entry) => entry['type'] === type);
    const outbound = ofType('outbound-rtp');
    const video = outbound.filter((entry) => entry['kind'] === 'video' && entry['active'] !== false).sort((a, b) => (number(b['frameWidth']) ?? 0) - (number(a['frameWidth']) ?? 0))[0];
    const remote = ofType('remote-inbound-rtp');
    const transport = ofType('transport')[0];
    const pair = byId.get(String(transport?.['selectedCandidatePairId'])) ?? ofType('candidate-pair').find((entry) => entry['nominated'] === true);
    const local = byId.get(String(pair?.['localCandidateId']));
    const counters = { atMs: nowMs, bytes: sum(outbound, 'bytesSent'), sent: sum(outbound, 'packetsSent'), lost: sum(remote, 'packetsLost') };
    const roundTrip = number(pair?.['currentRoundTripTime']) ?? number(remote[0]?.['roundTripTime']);
    const limit = video?.['qualityLimitationReason'];
    return {
      ...this.#rates(counters),
      frameRate: number(video?.['framesPerSecond']),
      width: number(video?.['frameWidth']),
      height: number(video?.['frameHeight']),
      roundTripMs: roundTrip === null ? null : roundTrip * 1000,
      codec: codecName(byId.get(String(video?.['codecId']))?.['mimeType']),
      transport: typeof local?.['protocol'] === 'string' ? local['protocol'].toUpperCase() : null,
      limitedBy: limit === 'cpu' || limit === 'bandwidth' ? limit : null,
    };
  }

  #rates(now: Counters): Pick<Figures, 'bitrate' | 'lossPercent'> {
    const before = this.#history.at(-1);
    this.#history.push(now);
    while ((this.#history[1]?.atMs ?? now.atMs) <= now.atMs - lossWindowMs) this.#history.shift();
    const oldest = this.#history[0] ?? now;
    if (!before || now.atMs <= before.atMs || now.bytes < before.bytes) return { bitrate: null, lossPercent: null };
    const bitrate = ((now.bytes - before.bytes) * 8000) / (now.atMs - before.atMs);
    const sent = now.sent - oldest.sent;
    const lost = Math.max(0, now.lost - oldest.lost);
    return { bitrate, lossPercent: sent > 0 ? Math.min(100, (lost * 100) / sent) : null };
  }
}

function codecName(mimeType: unknown): string | null {
  if (typeof mimeType !== 'string') return null;
  const name = mimeType.split('/')[1] ?? mimeType;
  return codecNames[name.toLowerCase()] ?? name;
}

/* As the page shows them. */
export function figureTexts(figures: Figures): Record<'bitrate' | 'picture' | 'frames' | 'delay' | 'loss' | 'codec', string> {
  const { bitrate, frameRate, width, height, roundTripMs, lossPercent, codec, transport } = figures;
  const none = '–';
  return {
    bitrate: bitrate === null ? none : bitrate >= 1e6 ? `${(bitrate / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bitrate / 1000)} kbit/s`,
    picture: width === null || height === null ? none : `${width}×${height}`,
    frames: frameRate === null ? none : `${Math.round(frameRate)} fps`,
    delay: roundTripMs === null ? none : `${Math.round(roundTripMs)} ms`,
    loss: lossPercent === null ? none : `${lossPercent < 10 ? lossPercent.toFixed(1) : Math.round(lossPercent)} %`,
    codec: codec === null ? none : transport === 'TCP' ? `${codec} over TCP` : codec,
  };
}

/* One line for people when something is less than it should be; null when all is well. */
export function hintOf({ lossPercent, frameRate, limitedBy, roundTripMs }: Figures, wantedFrameRate: number): string | null {
  if (lossPercent !== null && lossPercent >= 8) return 'The network loses much of what is sent. Nearer to the router, or by cable, it gets better.';
  if (limitedBy === 'cpu') return 'This device is too slow for the chosen quality. A lower one looks better.';
  if (limitedBy === 'bandwidth') return 'The network is slow at the moment: the picture is sent smaller or coarser.';
  if (frameRate !== null && frameRate > 0 && frameRate < wantedFrameRate * 0.6) return 'Fewer pictures come from the camera than asked for. More light often helps.';
  if (roundTripMs !== null && roundTripMs >= 400) return 'The network is slow to answer.';
  return null;
}
