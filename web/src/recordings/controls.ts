/* The media-chrome elements that recordings.html uses beside those of every player. */
import '../player/controls.ts';
import 'media-chrome/media-time-range';
import 'media-chrome/media-time-display';
import 'media-chrome/media-seek-backward-button';
import 'media-chrome/media-seek-forward-button';
import 'media-chrome/media-playback-rate-button';
