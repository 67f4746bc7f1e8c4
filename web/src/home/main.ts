import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/cards.css';
import '../styles/home.css';

import { adoptToken } from '../api/token.ts';
import { part } from '../lib/dom.ts';
import { HomePage } from './home_page.ts';

adoptToken();
new HomePage(part('main'));
