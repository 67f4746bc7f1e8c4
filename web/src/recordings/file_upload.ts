import { Upload, type DetailedError } from 'tus-js-client';

import { viewerToken } from '../api/token.ts';

const endpoint = '/api/recordings/upload';
const chunkBytes = 8 << 20;
const retryMs = [0, 1000, 3000, 5000, 10_000, 20_000];

export interface UploadListener {
  progress(sent: number, all: number): void;
  done(): void;
  /* The answer's status; 0 when there was none for so long that it was given up. */
  failed(status: number): void;
}

/* Whether this server takes uploads. */
export async function takesUploads(): Promise<boolean> {
  try {
    const answer = await fetch(endpoint, { method: 'OPTIONS', headers: { 'Tus-Resumable': '1.0.0' } });
    return answer.ok && answer.headers.has('Tus-Version');
  } catch {
    return false;
  }
}

/* One file on its way, by tus: goes on where it was after a lost connection, a pause, or when the same file is chosen again.
 *
 *   start()   at first, and after pause() or a failure
 *   pause()   at any time
 *   cancel()  at any time, once: what was sent is thrown away on the server too */
export class FileUpload {
  #upload: Upload;

  constructor(file: File, title: string, listener: UploadListener) {
    this.#upload = new Upload(file, {
      endpoint: new URL(endpoint, location.href).href, /* whole: what the server answers is relative to it */
      chunkSize: chunkBytes,
      retryDelays: retryMs,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, filetype: file.type, title },
      /* The newest token: an upload may outlast one. */
      onBeforeRequest: (request) => {
        const token = viewerToken();
        if (token) request.setHeader('Authorization', `Bearer ${token}`);
      },
      onShouldRetry: (error) => ![400, 401, 403, 404, 410, 413, 415, 422].includes(statusOf(error)),
      onProgress: (sent, all) => listener.progress(sent, all ?? file.size),
      onSuccess: () => listener.done(),
      onError: (error) => listener.failed(statusOf(error)),
    });
  }

  async start(): Promise<void> {
    const [before] = await this.#upload.findPreviousUploads().catch(() => []);
    if (before) this.#upload.resumeFromPreviousUpload(before);
    this.#upload.start();
  }

  pause(): void {
    void this.#upload.abort();
  }

  async cancel(): Promise<void> {
    await this.#upload.abort(true).catch(() => undefined);
  }
}

function statusOf(error: Error | DetailedError): number {
  return ('originalResponse' in error && error.originalResponse?.getStatus()) || 0;
}
