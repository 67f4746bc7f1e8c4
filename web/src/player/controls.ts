/* The media-chrome elements that every player here has. */
import 'media-chrome/media-controller';
import 'media-chrome/media-control-bar';
import 'media-chrome/media-play-button';
import 'media-chrome/media-mute-button';
import 'media-chrome/media-volume-range';
import 'media-chrome/media-airplay-button';
import 'media-chrome/media-pip-button';
import 'media-chrome/media-fullscreen-button';
import 'media-chrome/menu/media-rendition-menu-button';
import 'media-chrome/menu/media-chrome-menu-item';
import 'media-chrome/menu/media-rendition-menu';
