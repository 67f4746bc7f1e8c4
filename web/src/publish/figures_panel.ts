import { part, say } from '../lib/dom.ts';
import { figureTexts, type Figures } from './statistics.ts';

/* What is sent, in figures, and a line when something is less than it should be. */
export class FiguresPanel {
  #panel: HTMLElement;
  #hint: HTMLElement;

  constructor(panel: HTMLElement) {
    this.#panel = panel;
    this.#hint = part('.figures-hint', panel);
  }

  show(figures: Figures | null, hint: string | null): void {
    this.#panel.hidden = figures === null;
    if (!figures) return;
    for (const [name, text] of Object.entries(figureTexts(figures))) say(part(`[data-figure='${name}']`, this.#panel), text);
    this.#hint.hidden = hint === null;
    say(this.#hint, hint ?? '');
  }
}
