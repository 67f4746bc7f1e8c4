import { FileUpload, takesUploads } from './file_upload.ts';
import { element, part, say } from '../lib/dom.ts';
import { sizeText } from '../lib/size_text.ts';
import { uploadFault, uploadRefusal } from './upload_text.ts';

/* Uploads of recordings that a device made itself: a button that also takes what is dropped on the page, and a row for each file. */
export class UploadPanel {
  #panel: HTMLElement;
  #rows: HTMLElement;
  #input: HTMLInputElement;
  #done: () => void;

  constructor(panel: HTMLElement, button: HTMLButtonElement, done: () => void) {
    this.#panel = panel;
    this.#rows = part('.upload-rows', panel);
    this.#input = part('.upload-input', panel);
    this.#done = done;
    button.addEventListener('click', () => this.#input.click());
    this.#input.addEventListener('change', () => {
      this.#take([...(this.#input.files ?? [])]);
      this.#input.value = '';
    });
    void takesUploads().then((takes) => {
      if (!takes) return;
      button.hidden = false;
      this.#takeDropped();
    });
  }

  #takeDropped(): void {
    const isFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
    addEventListener('dragover', (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      document.body.classList.add('takes-drop');
    });
    for (const end of ['dragleave', 'drop'] as const)
      addEventListener(end, (event) => {
        if (end === 'dragleave' && (event as DragEvent).relatedTarget !== null) return;
        document.body.classList.remove('takes-drop');
      });
    addEventListener('drop', (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      this.#take([...(event.dataTransfer?.files ?? [])]);
    });
    addEventListener('beforeunload', (event) => {
      if (this.#rows.querySelector('[data-state="sending"]')) event.preventDefault();
    });
  }

  #take(files: File[]): void {
    for (const file of files) {
      const row = new UploadRow(file, () => this.#done(), () => this.#rowGone());
      this.#rows.append(row.root);
      row.begin();
    }
    this.#panel.hidden = this.#rows.childElementCount === 0;
  }

  #rowGone(): void {
    this.#panel.hidden = this.#rows.childElementCount === 0;
  }
}

type RowState = 'sending' | 'paused' | 'failed' | 'refused' | 'done';

class UploadRow {
  readonly root: HTMLElement;
  #file: File;
  #upload: FileUpload;
  #state: RowState = 'sending';
  #bar: HTMLProgressElement;
  #status = element('p', { class: 'upload-status', role: 'status' });
  #toggle = element('button', { class: 'small-button', type: 'button' });
  #cancel = element('button', { class: 'small-button', type: 'button' });
  #done: () => void;
  #gone: () => void;

  constructor(file: File, done: () => void, gone: () => void) {
    this.#file = file;
    this.#done = done;
    this.#gone = gone;
    const title = file.name.replace(/\.[^.]+$/, '').slice(0, 120);
    this.#bar = element('progress', { class: 'upload-bar', max: String(file.size || 1), value: '0', 'aria-label': `Upload of ${file.name}` });
    this.#upload = new FileUpload(file, title, {
      progress: (sent) => this.#progress(sent),
      done: () => this.#finish(),
      failed: (status) => this.#fail(status),
    });
    this.#toggle.addEventListener('click', () => this.#turn());
    this.#cancel.addEventListener('click', () => this.#remove());
    const buttons = element('div', { class: 'upload-buttons' }, this.#toggle, this.#cancel);
    this.root = element('li', { class: 'upload' }, element('p', { class: 'upload-name' }, file.name), buttons, this.#bar, this.#status);
  }

  begin(): void {
    const fault = uploadFault(this.#file);
    if (fault !== '') {
      this.#change('refused', fault);
      return;
    }
    this.#change('sending', 'Starting…');
    void this.#upload.start();
  }

  #turn(): void {
    if (this.#state === 'sending') {
      this.#upload.pause();
      this.#change('paused', `Paused at ${this.#shown()}`);
    } else {
      this.#change('sending', 'Going on…');
      void this.#upload.start();
    }
  }

  #shown(): string {
    return `${sizeText(this.#bar.value)} of ${sizeText(this.#file.size)}`;
  }

  #progress(sent: number): void {
    if (this.#state !== 'sending') return;
    this.#bar.value = sent;
    say(this.#status, `${Math.floor((sent / (this.#file.size || 1)) * 100)} % · ${this.#shown()}`);
  }

  #finish(): void {
    this.#bar.value = this.#file.size;
    this.#change('done', 'It is there, and being made ready to play.');
    this.#done();
  }

  #fail(status: number): void {
    const { text, final } = uploadRefusal(status);
    this.#change(final ? 'refused' : 'failed', text);
  }

  #remove(): void {
    if (this.#state === 'sending' || this.#state === 'paused' || this.#state === 'failed') void this.#upload.cancel();
    this.root.remove();
    this.#gone();
  }

  #change(state: RowState, text: string): void {
    this.#state = state;
    this.root.dataset['state'] = state;
    const isOver = state === 'done' || state === 'refused';
    this.#toggle.hidden = isOver;
    this.#bar.hidden = state === 'refused';
    const word = state === 'sending' ? 'Pause' : state === 'failed' ? 'Try again' : 'Go on';
    say(this.#toggle, word);
    this.#toggle.setAttribute('aria-label', `${word}: ${this.#file.name}`);
    say(this.#cancel, isOver ? 'Dismiss' : 'Cancel');
    this.#cancel.setAttribute('aria-label', `${isOver ? 'Dismiss' : 'Cancel'}: ${this.#file.name}`);
    say(this.#status, text);
  }
}
