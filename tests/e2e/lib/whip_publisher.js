// A publisher over WHIP that sends a file's H.264 and Opus untouched: whip_push.js fed by ffmpeg.
import path from 'node:path';
import { Child } from './child.js';
import { mediaFile, repository, sourceArguments } from './media.js';
import { waitFor } from './wait.js';
import { throughRelay } from './whip_sdp.js';

export const opus = ['-c:a', 'libopus', '-b:a', '96k', '-ac', '2'];

/** A file whose parameter sets come with every keyframe, and that can be sent over and over: both as MPEG-TS does it. */
export const whipFile = (source) => mediaFile('ts', sourceArguments({ audio: opus, ...source }));

export class WhipPublisher {
  events = [];
  #options;

  constructor(options) {
    this.#options = options;
  }

  /** Connects, and starts to send the file over and over. `relay` leads through a UdpRelay. */
  static async open(stage, session, { node = session.api, relay, source, file, within = 30_000 } = {}) {
    const publisher = new WhipPublisher({ url: `${node.url}/whip`, key: session.key, candidates: relay ? throughRelay(relay) : { transport: 'udp' } });
    publisher.file = file ?? (await whipFile(source));
    await publisher.#connect(stage, within);
    publisher.#send(stage);
    return publisher;
  }

  /** The first event of this name, or undefined. */
  event(name) {
    return this.events.find(({ event }) => event === name);
  }

  async #connect(stage, within) {
    this.push = new Child(process.execPath, [path.join(repository, 'tests/e2e/lib/whip_push.js'), JSON.stringify(this.#options)], { name: 'WHIP publisher' });
    stage.children.push(this.push);
    let rest = '';
    this.push.process.stdout.on('data', (bytes) => {
      const lines = (rest + bytes).split('\n');
      rest = lines.pop();
      this.events.push(...lines.map((line) => JSON.parse(line)));
    });
    this.startedAt = Date.now();
    await waitFor('the publisher to connect', () => this.event('open') ?? !this.push.running, { within, every: 10 });
    if (!this.event('open')) throw new Error(`the publisher did not connect: ${JSON.stringify(this.events)} ${this.push.stderr}`);
  }

  #send(stage) {
    const { video, audio } = this.event('open').ports;
    const to = ({ rtp, rtcp }) => `rtp://127.0.0.1:${rtp}?rtcpport=${rtcp}&pkt_size=1200`;
    this.feeder = new Child('ffmpeg', [
      '-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', this.file,
      '-map', '0:v', '-c', 'copy', '-f', 'rtp', to(video),
      '-map', '0:a', '-c', 'copy', '-f', 'rtp', to(audio),
    ], { name: 'feeder of the WHIP publisher' });
    stage.children.push(this.feeder);
  }

  /** No more media, while the connection stands. */
  async fallSilent() {
    await this.feeder.stop('SIGKILL');
  }

  /** Gone without a word. */
  async kill() {
    await Promise.all([this.push.stop('SIGKILL'), this.feeder.stop('SIGKILL')]);
  }

  /** Ends as RFC 9725 asks for: DELETE. */
  async end() {
    await Promise.all([this.push.stop('SIGTERM'), this.feeder.stop('SIGKILL')]);
  }
}
