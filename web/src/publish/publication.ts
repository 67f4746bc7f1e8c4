import { step, type ConnectionEvent, type ConnectionState } from './connection_state.ts';
import { Peer, type Outgoing } from './peer.ts';
import { WhipError, type Endpoint } from './whip_client.ts';

const openMs = 15_000;
const mendMs = 6000;

/* Keeps a publication going: does what each state of connection_state.ts asks for. */
export class Publication {
  state: ConnectionState = { phase: 'idle' };
  #endpoint: Endpoint = { url: '', key: '' };
  #outgoing: Outgoing;
  #changed: () => void;
  #peer: Peer | null = null;
  #iceServers: RTCIceServer[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #ending: Promise<unknown> = Promise.resolve();

  constructor(outgoing: Outgoing, changed: () => void) {
    this.#outgoing = outgoing;
    this.#changed = changed;
    addEventListener('online', () => this.#networkChanged());
    (navigator as { connection?: EventTarget }).connection?.addEventListener('change', () => this.#networkChanged());
    /* A page that goes says so: the key is free at once. */
    addEventListener('pagehide', ({ persisted }) => {
      if (!persisted) this.stop();
    });
  }

  get connection(): RTCPeerConnection | null {
    return this.#peer?.connection ?? null;
  }

  go(endpoint: Endpoint, iceServers: RTCIceServer[] = []): void {
    this.#endpoint = endpoint;
    this.#iceServers = iceServers;
    this.#apply({ kind: 'go' });
  }

  stop(): void {
    this.#apply({ kind: 'stop' });
  }

  retryNow(): void {
    this.#apply({ kind: 'due' });
  }

  /* Other tracks or another quality, also while live. */
  send(outgoing: Outgoing): void {
    this.#outgoing = outgoing;
    void this.#peer?.replace(outgoing).catch(() => this.#apply({ kind: 'failed' }));
  }

  /* The old path may be dead without anybody having noticed; a wait has become pointless. */
  #networkChanged(): void {
    if (this.state.phase === 'live') this.#apply({ kind: 'broken' });
    else this.retryNow();
  }

  #apply(event: ConnectionEvent): void {
    const before = this.state;
    this.state = step(before, event);
    if (this.state === before) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#enter();
    this.#changed();
  }

  #enter(): void {
    switch (this.state.phase) {
      case 'opening':
        void this.#open();
        break;
      case 'mending':
        void this.#mend();
        break;
      case 'waiting':
        this.#close();
        this.#after(this.state.waitMs, { kind: 'due' });
        break;
      case 'idle':
      case 'failed':
        this.#close();
        break;
      case 'live':
        break;
    }
  }

  async #open(): Promise<void> {
    this.#after(openMs, { kind: 'failed' });
    const peer = new Peer(this.#outgoing, this.#iceServers, (state) => this.#connectionIs(peer, state));
    this.#peer = peer;
    /* Otherwise the server would find the key still in use. */
    await this.#ending;
    await this.#attempt(peer, () => peer.open(this.#endpoint));
    this.#iceServers = peer.iceServers;
  }

  async #mend(): Promise<void> {
    const peer = this.#peer;
    if (!peer) return;
    this.#after(mendMs, { kind: 'failed' });
    await this.#attempt(peer, () => peer.restart());
    /* A path that never broke says nothing: it is connected as before. */
    this.#connectionIs(peer, peer.connection.connectionState);
  }

  async #attempt(peer: Peer, what: () => Promise<void>): Promise<void> {
    try {
      if (peer === this.#peer) await what();
    } catch (error) {
      if (peer !== this.#peer) return;
      const { status, detail, retryAfterMs } = error instanceof WhipError ? error : new WhipError(500, 'The browser could not make a connection.');
      this.#apply({ kind: 'refused', refusal: { status, detail, retryAfterMs } });
    }
  }

  #connectionIs(peer: Peer, state: RTCPeerConnectionState): void {
    if (peer !== this.#peer) return;
    if (state === 'connected') this.#apply({ kind: 'connected' });
    else if (state === 'failed') this.#apply({ kind: this.state.phase === 'live' ? 'broken' : 'failed' });
    else if (state === 'disconnected') this.#apply({ kind: 'broken' });
  }

  #close(): void {
    const peer = this.#peer;
    this.#peer = null;
    if (peer) this.#ending = peer.close();
  }

  #after(ms: number, event: ConnectionEvent): void {
    this.#timer = setTimeout(() => this.#apply(event), ms);
  }
}
