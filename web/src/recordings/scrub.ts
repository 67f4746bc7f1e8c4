import type { Recording } from '../api/recordings.ts';
import { element } from '../lib/dom.ts';
import { clockText } from '../lib/time_text.ts';
import { loadStoryboard, tileAt, type Tile } from './storyboard.ts';

const stepMs = 700;
const leastSteps = 8;

/* A look into a recording on its card: follows the pointer or a finger from side to side, and goes on by itself where there is
 * neither, for who walks the list by keyboard. The storyboard is fetched when it is first wanted. */
export class Scrub {
  readonly root = element('div', { class: 'scrub', 'aria-hidden': 'true' });
  #frame: HTMLElement;
  #recording: Recording;
  #picture = element('img', { class: 'scrub-picture', alt: '', decoding: 'async', draggable: 'false' });
  #time = element('span', { class: 'scrub-time' });
  #bar = element('span', { class: 'scrub-bar' });
  #tiles: Promise<Tile[]> | null = null;
  #round = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(frame: HTMLElement, link: HTMLElement, recording: Recording) {
    this.#frame = frame;
    this.#recording = recording;
    this.root.hidden = true;
    this.root.append(this.#picture, this.#time, this.#bar);
    frame.append(this.root);
    frame.addEventListener('pointermove', (event) => {
      const { left, width } = frame.getBoundingClientRect();
      this.#stopWalking();
      void this.#show(Math.min(1, Math.max(0, (event.clientX - left) / width)));
    });
    for (const end of ['pointerleave', 'pointercancel'] as const) frame.addEventListener(end, () => this.#hide());
    link.addEventListener('focus', () => {
      if (link.matches(':focus-visible') && !matchMedia('(prefers-reduced-motion: reduce)').matches) this.#walk();
    });
    link.addEventListener('blur', () => this.#hide());
  }

  update(recording: Recording): void {
    if (recording.storyboard !== this.#recording.storyboard && this.#recording.state !== 'ready') this.#tiles = null;
    this.#recording = recording;
  }

  destroy(): void {
    this.#hide();
  }

  /* `part` of the recording, 0 to 1. */
  async #show(part: number): Promise<void> {
    const round = ++this.#round;
    const { storyboard, token, durationMs } = this.#recording;
    if (storyboard === null || durationMs === null) return;
    this.#tiles ??= loadStoryboard(storyboard, token);
    const tiles = await this.#tiles;
    const ms = part * durationMs;
    const tile = tileAt(tiles, ms);
    if (round !== this.#round || !tile) return;
    const scale = this.#frame.clientWidth / tile.width;
    if (this.#picture.src !== tile.sheet) this.#picture.src = tile.sheet;
    this.#picture.style.transform = `scale(${scale}) translate(${-tile.x}px, ${-tile.y}px)`;
    this.#picture.style.clipPath = 'none';
    this.#time.textContent = clockText(ms);
    this.#bar.style.setProperty('--part', String(part));
    this.root.hidden = false;
  }

  #walk(): void {
    this.#stopWalking();
    let step = 0;
    const steps = Math.max(leastSteps, Math.round((this.#recording.durationMs ?? 0) / 60_000));
    const next = (): void => void this.#show((step++ % steps) / steps);
    next();
    this.#timer = setInterval(next, stepMs);
  }

  #stopWalking(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #hide(): void {
    this.#stopWalking();
    this.#round += 1;
    this.root.hidden = true;
  }
}
