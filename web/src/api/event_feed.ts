import { backoffMs, type Backoff } from '../lib/backoff.ts';
import { EventParser, type StreamEvent } from '../lib/event_parser.ts';
import { viewerToken } from './token.ts';

const retry: Backoff = { firstMs: 1000, mostMs: 30_000 };
/* The server says something every 15 s; who hears nothing for so long has lost it. */
const silenceMs = 40_000;
/* A stream that ends by itself so soon has not been one. */
const steadyMs = 5000;

export interface FeedListener {
  event(type: string, data: unknown): void;
  /* Whether events come. Without them the page asks by itself. */
  openChanged(open: boolean): void;
}

/* The server-sent events of a session (or, without one, of all that may be seen): read by fetch, which carries the token in
 * a header; come back to with the last id, later and later while it fails. */
export class EventFeed {
  #address: string;
  #listener: FeedListener;
  #lastId: string | null = null;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #watchdog: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #stopped = true;
  #isOpen = false;

  constructor(session: string | null, listener: FeedListener) {
    this.#address = session === null ? '/api/events' : `/api/events?session=${encodeURIComponent(session)}`;
    this.#listener = listener;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#abort?.abort();
  }

  async #run(): Promise<void> {
    const startedAt = Date.now();
    const abort = new AbortController();
    this.#abort = abort;
    try {
      await this.#read(abort);
    } catch {
      /* Lost, refused or aborted: all of it ends here, and is tried again. */
    }
    this.#listen(null);
    this.#setOpen(false);
    if (this.#stopped || this.#abort !== abort) return;
    if (Date.now() - startedAt > steadyMs) this.#failures = 0;
    this.#timer = setTimeout(() => void this.#run(), backoffMs(this.#failures++, retry));
  }

  async #read(abort: AbortController): Promise<void> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    const token = viewerToken();
    if (token) headers['Authorization'] = `Bearer ${token}`;
    if (this.#lastId !== null) headers['Last-Event-ID'] = this.#lastId;
    this.#listen(abort);
    const answer = await fetch(this.#address, { headers, cache: 'no-store', signal: abort.signal });
    const isStream = answer.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false;
    if (!answer.ok || !answer.body || !isStream) {
      await answer.body?.cancel();
      throw new Error(`${this.#address} answered ${answer.status}`);
    }
    this.#setOpen(true);
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#listen(abort);
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#tell(event);
    }
  }

  #tell(event: StreamEvent): void {
    if (event.id !== null) this.#lastId = event.id;
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    this.#listener.event(event.type, data);
  }

  /* Ends a stream that has gone silent; null ends the listening. */
  #listen(abort: AbortController | null): void {
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = abort && setTimeout(() => abort.abort(), silenceMs);
  }

  #setOpen(open: boolean): void {
    if (open === this.#isOpen) return;
    this.#isOpen = open;
    this.#listener.openChanged(open);
  }
}
