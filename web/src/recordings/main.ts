import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/forms.css';
import '../styles/cards.css';
import '../styles/player.css';
import '../styles/recordings.css';
import './controls.ts';

import { adoptToken } from '../api/token.ts';
import { part } from '../lib/dom.ts';
import { RecordingsPage } from './recordings_page.ts';

adoptToken();
const page = new RecordingsPage(part('main'));

/* `window.porthole`, read-only, for tests and for a look from the console: the video element and the hls.js instance. */
const hook = {
  get video() {
    return page.player.video;
  },
  get hls() {
    return page.player.player?.hls ?? null;
  },
};
Object.defineProperty(window, 'porthole', { value: Object.freeze(hook) });
