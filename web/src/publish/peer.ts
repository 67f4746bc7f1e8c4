import { fragmentOf, withFragment, type Candidate } from './sdp_fragment.ts';
import { inOrderOfPreference, type Quality } from './quality.ts';
import { postOffer, WhipError, type Endpoint, type WhipResource } from './whip_client.ts';

/* What is sent. Tracks may come, go and change under a connection. */
export interface Outgoing {
  video: MediaStreamTrack | null;
  audio: MediaStreamTrack | null;
  quality: Quality;
}

/* Candidates of this machine are there in an instant; what takes longer is sent after the offer. */
const gatheringMs = 250;
const maxAudioBitrate = 128_000;

/* While a browser does not yet know the network it takes it for a bad one, and begins with a ninth of the picture. For this long
 * the size is kept; then it may choose between size and smoothness. */
const settlingMs = 5000;

type Preference = 'maintain-resolution' | 'balanced';

/* One offer, its answer and what becomes of them: lives from an attempt to connect until it is given up.
 *
 *   open()     once; fails with a WhipError, or when aborted
 *   restart()  after open(), as often as wanted
 *   close()    at any time, once; ends the resource on the server */
export class Peer {
  readonly connection: RTCPeerConnection;
  iceServers: RTCIceServer[];
  #video: RTCRtpTransceiver;
  #audio: RTCRtpTransceiver;
  #resource: WhipResource | null = null;
  #answer = '';
  #unsent: Candidate[] = [];
  #isTrickling = false;
  #abort = new AbortController();
  #settling: ReturnType<typeof setTimeout> | null = null;

  constructor(outgoing: Outgoing, iceServers: RTCIceServer[], changed: (state: RTCPeerConnectionState) => void) {
    this.iceServers = iceServers;
    this.connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
    const { maxBitrate, frameRate } = outgoing.quality;
    /* Both are offered even while one is missing: it can then be added without a new offer. */
    this.#audio = this.connection.addTransceiver(outgoing.audio ?? 'audio', { direction: 'sendonly', sendEncodings: [{ maxBitrate: maxAudioBitrate }] });
    this.#video = this.connection.addTransceiver(outgoing.video ?? 'video', { direction: 'sendonly', sendEncodings: [{ maxBitrate, maxFramerate: frameRate }] });
    const codecs = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs;
    if (codecs && typeof this.#video.setCodecPreferences === 'function') this.#video.setCodecPreferences(inOrderOfPreference(codecs));
    this.connection.addEventListener('connectionstatechange', () => changed(this.connection.connectionState));
    this.connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) this.#unsent.push({ mid: candidate.sdpMid ?? '0', line: candidate.candidate });
      void this.#trickle();
    });
  }

  async open(endpoint: Endpoint): Promise<void> {
    await this.#prefer('maintain-resolution');
    this.connection.addEventListener('connectionstatechange', () => {
      if (this.connection.connectionState === 'connected') this.#settling ??= setTimeout(() => void this.#prefer('balanced'), settlingMs);
    });
    const offer = await this.#offer({});
    const { answer, resource } = await postOffer(endpoint, offer, this.#abort.signal);
    if (this.#abort.signal.aborted) {
      await resource.end();
      return;
    }
    this.#resource = resource;
    if (resource.iceServers.length > 0) this.iceServers = resource.iceServers;
    await this.#accept(answer);
    await this.#trickle();
  }

  /* New ICE credentials on the same resource: DTLS, RTP and what the server knows of them stay as they are. */
  async restart(): Promise<void> {
    const resource = this.#resource;
    if (!resource) throw new WhipError(0, '');
    this.#resource = null; /* candidates of the new generation wait until the server knows it */
    try {
      if (this.iceServers.length > 0) this.connection.setConfiguration({ bundlePolicy: 'max-bundle', iceServers: this.iceServers });
      const offer = await this.#offer({ iceRestart: true });
      const answer = withFragment(this.#answer, await resource.restart(fragmentOf(offer, candidatesOf(offer), false)));
      if (answer === null) throw new WhipError(200, 'The server answered without credentials.');
      await this.#accept(answer);
    } finally {
      this.#resource = resource;
    }
    await this.#trickle();
  }

  async replace({ video, audio, quality }: Outgoing): Promise<void> {
    await Promise.all([this.#video.sender.replaceTrack(video), this.#audio.sender.replaceTrack(audio)]);
    const parameters = this.#video.sender.getParameters();
    for (const encoding of parameters.encodings) Object.assign(encoding, { maxBitrate: quality.maxBitrate, maxFramerate: quality.frameRate });
    await this.#video.sender.setParameters(parameters);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.connection.close();
    await this.#resource?.end();
  }

  /* What a browser does not know it leaves alone. */
  async #prefer(degradationPreference: Preference): Promise<void> {
    const { sender } = this.#video;
    await sender.setParameters(Object.assign(sender.getParameters(), { degradationPreference })).catch(() => undefined);
  }

  async #offer(options: RTCOfferOptions): Promise<string> {
    const { connection } = this;
    const offer = await connection.createOffer(options);
    this.#unsent = [];
    await connection.setLocalDescription(offer);
    await gathered(connection);
    this.#unsent = []; /* they are in the description */
    return connection.localDescription?.sdp ?? offer.sdp ?? '';
  }

  async #accept(answer: string): Promise<void> {
    try {
      await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch {
      if (this.#abort.signal.aborted) throw new WhipError(0, '');
      throw new WhipError(500, 'The browser does not understand the answer.');
    }
    this.#answer = answer;
  }

  /* One request at a time. What the server does not take costs nothing: it needs no candidates to answer ours. */
  async #trickle(): Promise<void> {
    if (this.#isTrickling || !this.#resource?.takesCandidates) return;
    this.#isTrickling = true;
    while (this.#unsent.length > 0 && this.#resource) {
      const candidates = this.#unsent;
      this.#unsent = [];
      const isEnd = this.connection.iceGatheringState === 'complete';
      await this.#resource.trickle(fragmentOf(this.connection.localDescription?.sdp ?? '', candidates, isEnd)).catch(() => undefined);
    }
    this.#isTrickling = false;
  }
}

/* The candidates that a description holds already. */
function candidatesOf(sdp: string): Candidate[] {
  return sdp.split(/^(?=m=)/m).slice(1).flatMap((section) => {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1] ?? '0';
    return [...section.matchAll(/^a=(candidate:[^\r\n]+)/gm)].map(([, line]) => ({ mid, line: line ?? '' }));
  });
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, gatheringMs);
    const look = (): void => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      connection.removeEventListener('icegatheringstatechange', look);
      resolve();
    };
    connection.addEventListener('icegatheringstatechange', look);
    look();
  });
}
