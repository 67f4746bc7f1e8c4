import { ApiError } from '../api/client.ts';
import { createClip, type Recording } from '../api/recordings.ts';
import { part, say } from '../lib/dom.ts';
import { clockText, parseClock } from '../lib/time_text.ts';
import { cutFault, refusalText } from './view.ts';

export interface ClipFormListener {
  positionMs(): number;
  seek(ms: number): void;
  made(clip: Recording): void;
}

const usualLengthMs = 15_000;

/* Cutting a clip: from, to and a name. The moments are taken from the playing picture, or typed. */
export class ClipForm {
  #form: HTMLFormElement;
  #listener: ClipFormListener;
  #from: HTMLInputElement;
  #to: HTMLInputElement;
  #name: HTMLInputElement;
  #save: HTMLButtonElement;
  #fault: HTMLElement;
  #recording: Recording | null = null;

  constructor(form: HTMLFormElement, listener: ClipFormListener) {
    this.#form = form;
    this.#listener = listener;
    this.#from = part('.clip-from', form);
    this.#to = part('.clip-to', form);
    this.#name = part('.clip-name', form);
    this.#save = part('.clip-save', form);
    this.#fault = part('.clip-fault', form);
    part('.clip-from-here', form).addEventListener('click', () => this.#take(this.#from));
    part('.clip-to-here', form).addEventListener('click', () => this.#take(this.#to));
    part('.clip-look', form).addEventListener('click', () => listener.seek(parseClock(this.#from.value) ?? 0));
    part('.clip-cancel', form).addEventListener('click', () => this.close());
    form.addEventListener('input', () => this.#show());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
    });
  }

  open(recording: Recording): void {
    this.#recording = recording;
    /* At the end, what was seen last. */
    const fromMs = Math.max(0, Math.min(this.#listener.positionMs(), (recording.durationMs ?? Infinity) - usualLengthMs));
    this.#from.value = clockText(fromMs);
    this.#to.value = clockText(Math.min(fromMs + usualLengthMs, recording.durationMs ?? Infinity));
    this.#name.value = '';
    this.#form.hidden = false;
    this.#show();
    this.#name.focus();
  }

  close(): void {
    if (this.#form.hidden) return;
    this.#form.hidden = true;
    this.#form.dispatchEvent(new Event('closed'));
  }

  #take(field: HTMLInputElement): void {
    const ms = Math.round(this.#listener.positionMs() / 100) * 100;
    field.value = clockText(ms) + (ms % 1000 === 0 ? '' : `.${(ms % 1000) / 100}`);
    this.#show();
  }

  #fits(): string {
    return cutFault(parseClock(this.#from.value), parseClock(this.#to.value), this.#recording?.durationMs ?? null);
  }

  #show(): void {
    const fault = this.#fits();
    say(this.#fault, fault);
    this.#save.disabled = fault !== '';
    const [fromMs, toMs] = [parseClock(this.#from.value), parseClock(this.#to.value)];
    say(part('.clip-length', this.#form), fault === '' && fromMs !== null && toMs !== null ? `${clockText(toMs - fromMs)} long` : '');
  }

  async #submit(): Promise<void> {
    const [fromMs, toMs] = [parseClock(this.#from.value), parseClock(this.#to.value)];
    if (!this.#recording || fromMs === null || toMs === null || this.#fits() !== '') return;
    this.#save.disabled = true;
    try {
      const clip = await createClip(this.#recording.id, { fromMs, toMs: Math.min(toMs, this.#recording.durationMs ?? toMs), title: this.#name.value.trim() });
      this.close();
      this.#listener.made(clip);
    } catch (error) {
      say(this.#fault, refusalText(error instanceof ApiError ? error.status : 0, 'cut'));
    } finally {
      this.#save.disabled = false;
    }
  }
}
