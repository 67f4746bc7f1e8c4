// A network in a box: relays UDP between publishers and a server, with loss, delay, jitter, reordering, duplicates, a narrow
// place and changes of address.
import dgram from 'node:dgram';

/** A small seeded generator, so that a run's losses can be had again. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
}

/** The reason in an SRT handshake that refuses (its type is 1000 + reason), or undefined for every other datagram. */
function rejection(bytes) {
  const isHandshake = bytes.length >= 40 && bytes.readUInt32BE(0) >>> 16 === 0x8000;
  const type = isHandshake ? bytes.readInt32BE(36) : 0;
  return type >= 1000 ? type - 1000 : undefined;
}

const bound = (socket, port = 0) =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });

const now = () => performance.now();

/** One way through a narrow place: what does not fit into its queue is lost. */
class NarrowPlace {
  #freeAt = 0;

  /** How long a datagram is under way, in ms; undefined: there was no room. */
  wait(bytes, kbitPerSecond, queueMs) {
    const starts = Math.max(this.#freeAt, now());
    if (starts - now() > queueMs) return undefined;
    this.#freeAt = starts + (bytes * 8) / kbitPerSecond;
    return this.#freeAt - now();
  }
}

export class UdpRelay {
  /** Percent each way: `loss`, `reorder` (held back for `reorderMs`), `duplicate`. `delay` and `jitter` in ms each way.
   * `bandwidth` in kbit/s towards the server, with a queue of `queueMs`. All can be changed while it runs. */
  static async open(serverPort, options = {}) {
    const relay = new UdpRelay();
    Object.assign(relay, {
      serverPort, loss: 0, delay: 0, jitter: 0, reorder: 0, reorderMs: 30, duplicate: 0, bandwidth: 0, queueMs: 300,
      passed: 0, lost: 0, rejections: [], ...options, random: generator(options.seed ?? 1),
    });
    relay.front = await bound(dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }));
    relay.front.on('message', (bytes, from) => relay.#fromPublisher(bytes, from));
    relay.port = relay.front.address().port;
    return relay;
  }

  #peers = new Map(); // "address:port" → { from, back }; a publisher may send from several
  #narrow = new NarrowPlace();

  #fromPublisher(bytes, from) {
    const name = `${from.address}:${from.port}`;
    let peer = this.#peers.get(name);
    if (!peer) {
      peer = { from, ready: undefined, back: undefined };
      peer.ready = this.#newAddress(peer);
      this.#peers.set(name, peer);
    }
    const wait = this.bandwidth ? this.#narrow.wait(bytes.length, this.bandwidth, this.queueMs) : 0;
    if (wait === undefined) this.lost += 1;
    else this.#carry(() => void peer.ready.then(() => this.closed || peer.back.send(bytes, this.serverPort, '127.0.0.1')), wait);
  }

  async #newAddress(peer) {
    const back = await bound(dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }));
    back.on('message', (bytes) => {
      const reason = rejection(bytes);
      if (reason !== undefined) this.rejections.push(reason);
      this.#carry(() => this.front.send(bytes, peer.from.port, peer.from.address), 0);
    });
    const before = peer.back;
    peer.back = back;
    before?.close();
    if (this.closed) back.close();
  }

  /** From here on the server sees every publisher at another port; answers to the old one are lost. */
  async changeAddress() {
    await Promise.all([...this.#peers.values()].map((peer) => this.#newAddress(peer)));
  }

  /** Nothing passes until it is opened again. */
  cut(isCut = true) {
    this.isCut = isCut;
  }

  #happens(percent) {
    return percent > 0 && this.random() * 100 < percent;
  }

  #carry(send, waited) {
    if (this.closed) return;
    if (this.isCut || this.#happens(this.loss)) {
      this.lost += 1;
      return;
    }
    this.passed += 1;
    const held = this.#happens(this.reorder) ? this.reorderMs : 0;
    const wait = waited + this.delay + held + (this.jitter ? (this.random() * 2 - 1) * this.jitter : 0);
    const attempt = () => {
      if (!this.closed) send();
    };
    if (wait > 0) setTimeout(attempt, wait);
    else attempt();
    if (this.#happens(this.duplicate)) setTimeout(attempt, Math.max(0, wait) + 5);
  }

  close() {
    this.closed = true;
    this.front.close();
    for (const { back } of this.#peers.values()) back?.close();
  }
}
