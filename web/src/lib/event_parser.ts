/* One event of a text/event-stream. */
export interface StreamEvent {
  type: string;
  data: string;
  id: string | null; /* as last told, by this event or one before */
}

/* Takes the text of a stream in pieces as they come, gives its events (the HTML standard, "server-sent events"). */
export class EventParser {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #id: string | null = null;

  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.#take(line);
      if (event) events.push(event);
    }
    return events;
  }

  #take(line: string): StreamEvent | null {
    if (line === '') return this.#finish();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #finish(): StreamEvent | null {
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#type = '';
    this.#data = [];
    return isEmpty ? null : event;
  }
}
