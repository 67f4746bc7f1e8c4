import Hls from 'hls.js';

import type { Timing } from '../api/client.ts';
import { HlsPlayer } from './hls_player.ts';
import { NativePlayer } from './native_player.ts';
import type { Player, PlayerListener } from './player.ts';
import type { RenditionList } from './renditions.ts';

export interface PlayerOptions {
  video: HTMLVideoElement;
  /* The playlist's address, or any of its files', with a token that holds now. */
  address(url?: string): string;
  isRecording: boolean;
  startAt: number;
  renditions: RenditionList;
  listener: PlayerListener;
  timed(timing: Timing): void;
}

/* The best player this browser can run; null when it can play no HLS at all. */
export function createPlayer(options: PlayerOptions): Player | null {
  if (Hls.isSupported()) return new HlsPlayer(options);
  if (options.video.canPlayType('application/vnd.apple.mpegurl') !== '') return new NativePlayer(options);
  return null;
}
