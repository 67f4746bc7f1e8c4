// Server-sent events as a page's reader takes them: parsed, kept, waited for.
import http from 'node:http';
import { waitFor } from './wait.js';

/** Every stream has a connection of its own. */
const agent = new http.Agent({ keepAlive: false, maxSockets: Infinity });

export class EventStream {
  constructor(url, { token, lastEventId } = {}) {
    const headers = { accept: 'text/event-stream' };
    if (token) headers.authorization = `Bearer ${token}`;
    if (lastEventId !== undefined) headers['last-event-id'] = String(lastEventId);
    Object.assign(this, { url, headers, events: [], comments: 0, lastEventId, over: false, status: 0 });
  }

  /** Resolves with the stream once its head is here; the status may be no success. */
  open() {
    return new Promise((resolve, reject) => {
      this.request = http.get(this.url, { headers: this.headers, agent }, (answer) => {
        this.answer = answer;
        this.status = answer.statusCode;
        let rest = '';
        answer.setEncoding('utf8');
        answer.on('data', (text) => {
          const blocks = (rest + text).split('\n\n');
          rest = blocks.pop();
          for (const block of blocks) this.#take(block);
        });
        answer.on('error', () => undefined);
        answer.on('end', () => (this.ended = true));
        answer.on('close', () => (this.over = true));
        resolve(this);
      });
      this.request.on('error', (error) => {
        this.over = true;
        reject(error);
      });
    });
  }

  #take(block) {
    const event = { type: 'message', data: '' };
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments += 1;
      else if (line.startsWith('id: ')) event.id = this.lastEventId = Number(line.slice(4));
      else if (line.startsWith('event: ')) event.type = line.slice(7);
      else if (line.startsWith('data: ')) event.data += line.slice(6);
    }
    if (!event.data) return;
    event.data = JSON.parse(event.data);
    event.at = Date.now();
    this.events.push(event);
  }

  of(type) {
    return this.events.filter((event) => event.type === type);
  }

  /** The first event that fits, past ones included. */
  heard(what, fits, options) {
    return waitFor(what, () => this.events.find(fits), { every: 20, ...options });
  }

  close() {
    this.request.destroy();
    this.over = true;
  }
}

export const openEvents = (node, session, options) => new EventStream(`${node.url}/api/events${session ? `?session=${session}` : ''}`, options).open();
