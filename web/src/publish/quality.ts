/* What the camera is asked for, and the most that is sent. */
export interface Quality {
  id: string;
  label: string;
  width: number;
  height: number;
  frameRate: number;
  maxBitrate: number; /* bits per second */
}

export const qualities: readonly Quality[] = [
  { id: '1080p30', label: '1080p · 30 pictures a second', width: 1920, height: 1080, frameRate: 30, maxBitrate: 6_000_000 },
  { id: '1080p60', label: '1080p · 60 pictures a second', width: 1920, height: 1080, frameRate: 60, maxBitrate: 8_000_000 },
  { id: '720p30', label: '720p · 30 pictures a second', width: 1280, height: 720, frameRate: 30, maxBitrate: 3_500_000 },
  { id: '720p60', label: '720p · 60 pictures a second', width: 1280, height: 720, frameRate: 60, maxBitrate: 5_000_000 },
];

/* A small screen is a phone: 720p spares its battery and its plan. */
export function usualQuality(isSmallScreen: boolean): Quality {
  return qualityOf(isSmallScreen ? '720p30' : '1080p30');
}

export function qualityOf(id: string): Quality {
  const found = qualities.find((quality) => quality.id === id) ?? qualities[0];
  if (!found) throw new Error('there are no qualities');
  return found;
}

/* Codecs in the order they are offered: H.264 first, since every server carries it and most devices encode it in hardware, and
 * of its forms the one that may cut a picture into as many packets as it takes. What repairs losses stays at the end. */
export function inOrderOfPreference<Codec extends { mimeType: string; sdpFmtpLine?: string }>(codecs: readonly Codec[]): Codec[] {
  const rank = ({ mimeType, sdpFmtpLine = '' }: Codec): number => {
    const name = mimeType.toLowerCase();
    if (/\/(rtx|red|ulpfec|flexfec-03)$/.test(name)) return 9;
    if (name === 'video/h264') return /packetization-mode=1/.test(sdpFmtpLine) ? 0 : 1;
    return name === 'video/vp8' ? 2 : 3;
  };
  return codecs.map((codec, index) => ({ codec, index, rank: rank(codec) })).sort((a, b) => a.rank - b.rank || a.index - b.index).map(({ codec }) => codec);
}
