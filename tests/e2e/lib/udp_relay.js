// A network in a box: relays UDP between one publisher and a server, with loss, delay, jitter, and changes of address.
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

export class UdpRelay {
  /** Loss in percent each way; delay and jitter in milliseconds. */
  static async open(serverPort, { loss = 0, delay = 0, jitter = 0, seed = 1 } = {}) {
    const relay = new UdpRelay();
    Object.assign(relay, { serverPort, loss, delay, jitter, random: generator(seed), passed: 0, lost: 0, rejections: [] });
    relay.front = await bound(dgram.createSocket('udp4'));
    relay.front.on('message', (bytes, from) => {
      relay.publisher = from;
      relay.#carry(() => relay.back.send(bytes, relay.serverPort, '127.0.0.1'));
    });
    await relay.changeAddress();
    relay.port = relay.front.address().port;
    return relay;
  }

  /** From here on the server sees the publisher at another port. */
  async changeAddress() {
    const before = this.back;
    const back = await bound(dgram.createSocket('udp4'));
    back.on('message', (bytes) => {
      const reason = rejection(bytes);
      if (reason !== undefined) this.rejections.push(reason);
      if (this.publisher) this.#carry(() => this.front.send(bytes, this.publisher.port, this.publisher.address));
    });
    this.back = back;
    before?.close();
  }

  /** Nothing passes until it is opened again. */
  cut(isCut = true) {
    this.isCut = isCut;
  }

  #carry(send) {
    if (this.closed) return;
    if (this.isCut || this.random() * 100 < this.loss) {
      this.lost += 1;
      return;
    }
    this.passed += 1;
    const wait = this.delay + (this.random() * 2 - 1) * this.jitter;
    const attempt = () => {
      if (!this.closed) send();
    };
    if (wait > 0) setTimeout(attempt, wait);
    else attempt();
  }

  close() {
    this.closed = true;
    this.front.close();
    this.back.close();
  }
}
