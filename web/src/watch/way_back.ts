import { clockText } from '../lib/time_text.ts';

/* Before a session has lasted so long there is nowhere to go back to. */
const leastLastingSeconds = 20;
/* Nearer to the live picture is the live picture. */
export const liveWithinSeconds = 5;

/* The slider from a session's start to its live picture: how far behind to watch. */
export class WayBack {
  #slider: HTMLInputElement;
  #isHeld = false; /* by the viewer: it does not move by itself */

  constructor(slider: HTMLInputElement, go: (secondsBehind: number) => void) {
    this.#slider = slider;
    slider.addEventListener('input', () => {
      this.#isHeld = true;
      this.#say();
    });
    slider.addEventListener('change', () => {
      this.#isHeld = false;
      go(-Number(slider.value));
    });
    slider.addEventListener('blur', () => (this.#isHeld = false));
  }

  /* `lastingSeconds`: since the start; null when the session is not live. */
  show(lastingSeconds: number | null, secondsBehind: number | null): void {
    this.#slider.hidden = lastingSeconds === null || lastingSeconds < leastLastingSeconds;
    if (this.#slider.hidden || lastingSeconds === null || this.#isHeld) return;
    this.#slider.min = String(-Math.floor(lastingSeconds));
    this.#slider.value = String(-Math.round(secondsBehind ?? 0));
    this.#say();
  }

  #say(): void {
    const behind = -Number(this.#slider.value);
    this.#slider.setAttribute('aria-valuetext', behind < liveWithinSeconds ? 'live' : `${clockText(behind * 1000)} behind live`);
  }
}
