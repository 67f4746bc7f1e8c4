import { say } from '../lib/dom.ts';
import type { StartedWith } from './autoplay.ts';

/* The big button for browsers that let a page start only silently, or not at all. */
export class SoundPrompt {
  #button: HTMLButtonElement;
  #video: HTMLVideoElement;

  constructor(button: HTMLButtonElement, video: HTMLVideoElement) {
    this.#button = button;
    this.#video = video;
    button.addEventListener('click', () => {
      video.muted = false;
      void video.play().catch(() => undefined);
      this.#hide();
    });
    video.addEventListener('volumechange', () => {
      if (!video.muted) this.#hide();
    });
    /* Played by another button: what is left to ask for is the sound. */
    video.addEventListener('play', () => {
      if (!this.#button.hidden) this.show(video.muted ? 'silence' : 'sound');
    });
  }

  show(startedWith: StartedWith): void {
    const label = startedWith === 'silence' ? 'Turn sound on' : 'Play';
    say(this.#button, label);
    this.#button.dataset['icon'] = startedWith === 'silence' ? 'sound' : 'play';
    this.#button.hidden = startedWith === 'sound' || (startedWith === 'silence' && !this.#video.muted);
  }

  #hide(): void {
    const hadFocus = document.activeElement === this.#button;
    this.#button.hidden = true;
    if (hadFocus) this.#button.closest<HTMLElement>('media-controller')?.focus();
  }
}
