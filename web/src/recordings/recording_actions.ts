import { ApiError } from '../api/client.ts';
import { deleteRecording, downloadAddress, restoreRecording, type Recording } from '../api/recordings.ts';
import type { Bearer } from '../api/token.ts';
import { part, say } from '../lib/dom.ts';
import { sizeText } from '../lib/size_text.ts';
import { mayDelete, refusalText, type RecordingView } from './view.ts';

export interface ActionsListener {
  changed(recording: Recording): void;
  deleted(id: string): void;
  cut(recording: Recording): void;
}

/* The buttons under the picture: download, bring back, make a clip, delete. */
export class RecordingActions {
  #section: HTMLElement;
  #bearer: Bearer | null;
  #listener: ActionsListener;
  #download: HTMLButtonElement;
  #restore: HTMLButtonElement;
  #clip: HTMLButtonElement;
  #delete: HTMLButtonElement;
  #live: HTMLAnchorElement;
  #status: HTMLElement;
  #dialog: HTMLDialogElement;
  #recording: Recording | null = null;
  #busy: 'download' | 'restore' | null = null;
  #deleting: string | null = null;

  constructor(section: HTMLElement, dialog: HTMLDialogElement, bearer: Bearer | null, listener: ActionsListener) {
    this.#section = section;
    this.#bearer = bearer;
    this.#listener = listener;
    this.#download = part('.download', section);
    this.#restore = part('.restore', section);
    this.#clip = part('.make-clip', section);
    this.#delete = part('.delete', section);
    this.#live = part('.watch-live', section);
    this.#status = part('.action-status', section);
    this.#dialog = dialog;
    this.#download.addEventListener('click', () => void this.#fetch());
    this.#restore.addEventListener('click', () => void this.#bringBack());
    this.#clip.addEventListener('click', () => this.#recording && listener.cut(this.#recording));
    this.#delete.addEventListener('click', () => this.#ask());
    dialog.addEventListener('close', () => {
      if (dialog.returnValue === 'delete') void this.#remove();
    });
  }

  show(recording: Recording, view: RecordingView): void {
    if (recording.id !== this.#recording?.id) this.say('');
    this.#recording = recording;
    this.#download.hidden = !view.canPlay;
    const size = recording.bytes === null ? '' : ` · ${sizeText(recording.bytes)}`;
    say(part('.download-word', this.#download), this.#busy === 'download' ? 'Preparing…' : `Download MP4${size}`);
    this.#download.disabled = this.#busy === 'download';
    this.#restore.hidden = !view.canRestore;
    this.#restore.disabled = this.#busy === 'restore';
    this.#clip.hidden = !view.canPlay || recording.kind === 'clip';
    this.#delete.hidden = !mayDelete(this.#bearer, recording) || recording.state === 'recording';
    this.#live.hidden = !view.watchLive || recording.sessionId === null;
    if (recording.sessionId !== null) this.#live.href = `/watch/${encodeURIComponent(recording.sessionId)}`;
    this.#section.hidden = false;
  }

  /* Whether it is this page that deletes it. */
  deletes(id: string): boolean {
    return this.#deleting === id;
  }

  say(text: string, isTrouble = false): void {
    this.#status.dataset['tone'] = isTrouble ? 'trouble' : 'calm';
    say(this.#status, text);
  }

  /* The address is made for this one download; the browser takes it from there, and shows its progress. */
  async #fetch(): Promise<void> {
    const recording = this.#recording;
    if (!recording || this.#busy) return;
    this.#begin('download', 'Preparing the download…');
    try {
      const url = await downloadAddress(recording.id);
      const link = document.createElement('a');
      link.href = new URL(url, location.href).href;
      link.download = '';
      link.click();
      this.#end('The download has begun. Your browser shows how far it is.');
    } catch (error) {
      this.#end(refusalText(error instanceof ApiError ? error.status : 0, 'download'), true);
    }
  }

  async #bringBack(): Promise<void> {
    const recording = this.#recording;
    if (!recording || this.#busy) return;
    this.#begin('restore', 'Asking for it…');
    try {
      const changed = await restoreRecording(recording.id);
      this.#end('It is on its way back. Nothing more is to be done.');
      this.#listener.changed(changed);
    } catch (error) {
      this.#end(refusalText(error instanceof ApiError ? error.status : 0, 'restore'), true);
    }
  }

  #begin(what: 'download' | 'restore', text: string): void {
    this.#busy = what;
    this.say(text);
    this.#section.setAttribute('aria-busy', 'true');
    if (what === 'download') {
      this.#download.disabled = true;
      say(part('.download-word', this.#download), 'Preparing…');
    } else this.#restore.disabled = true;
  }

  #end(text: string, isTrouble = false): void {
    this.#busy = null;
    this.#section.removeAttribute('aria-busy');
    this.#download.disabled = false;
    this.#restore.disabled = false;
    const bytes = this.#recording?.bytes ?? null;
    say(part('.download-word', this.#download), `Download MP4${bytes === null ? '' : ` · ${sizeText(bytes)}`}`);
    this.say(text, isTrouble);
  }

  #ask(): void {
    say(part('.delete-title', this.#dialog), this.#recording?.title ?? '');
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
  }

  async #remove(): Promise<void> {
    const recording = this.#recording;
    if (!recording) return;
    this.#delete.disabled = true;
    this.#deleting = recording.id;
    try {
      await deleteRecording(recording.id);
      this.#listener.deleted(recording.id);
    } catch (error) {
      this.say(refusalText(error instanceof ApiError ? error.status : 0, 'delete'), true);
    } finally {
      this.#delete.disabled = false;
      this.#deleting = null;
    }
  }
}
