import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/player.css';
import '../styles/watch.css';
import '../styles/chat.css';
import '../player/controls.ts';

import { adoptToken } from '../api/token.ts';
import { sessionOfPath } from '../api/session.ts';
import { part } from '../lib/dom.ts';
import { exposeForTests } from './debug_hook.ts';
import { WatchPage } from './watch_page.ts';

adoptToken();
const page = new WatchPage(part('main'), sessionOfPath(location.pathname));
exposeForTests(page);
