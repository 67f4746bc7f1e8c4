import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/forms.css';
import '../styles/publish.css';

import { adoptToken } from '../api/token.ts';
import { part } from '../lib/dom.ts';
import { exposeForTests } from './debug_hook.ts';
import { PublishPage } from './publish_page.ts';
import { adoptKey } from './stream_key.ts';

/* The key first: what is left of the fragment may hold a token. */
const key = adoptKey();
adoptToken();
exposeForTests(new PublishPage(part('main'), key));
