import { say } from '../lib/dom.ts';
import { latencyText } from '../lib/time_text.ts';
import type { Badge } from './view.ts';

const words: Record<Badge, string> = { live: 'Live', waiting: 'Waiting', over: 'Over', none: '' };

/* The badge in the control bar: says LIVE and how far behind, and is the button back to the live edge. */
export class LiveBadge {
  #button: HTMLButtonElement;
  #word: HTMLElement;
  #latency: HTMLElement;

  constructor(button: HTMLButtonElement, goLive: () => void) {
    this.#button = button;
    this.#word = document.createElement('span');
    this.#word.className = 'live-badge-word';
    this.#latency = document.createElement('span');
    this.#latency.className = 'live-badge-latency';
    button.replaceChildren(this.#word, this.#latency);
    button.addEventListener('click', goLive);
  }

  show(badge: Badge, latencySeconds: number | null, atEdge: boolean): void {
    this.#button.hidden = badge === 'none';
    this.#button.dataset['badge'] = badge;
    this.#button.dataset['edge'] = String(atEdge);
    const behind = badge === 'live' && latencySeconds !== null ? latencyText(latencySeconds) : '';
    say(this.#word, words[badge]);
    say(this.#latency, behind);
    const label = behind === '' ? words[badge] : `Live, ${behind} behind. Go to the live picture`;
    if (this.#button.getAttribute('aria-label') !== label) this.#button.setAttribute('aria-label', label);
  }
}
