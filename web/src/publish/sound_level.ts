/* How loud a track is, for a meter beside the microphone's name: whoever sees it move knows that they are heard. */
const samples = 512;
/* Quiet speech is near −50 dB. */
const quietest_db = -55;

export class SoundLevel {
  #context: AudioContext | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #analyser: AnalyserNode | null = null;
  #wave = new Float32Array(samples);

  listen(track: MediaStreamTrack | null): void {
    this.#source?.disconnect();
    this.#source = null;
    if (!track || typeof AudioContext === 'undefined') return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: samples });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    this.wake();
  }

  /* Browsers let sound be looked at only after a touch. */
  wake(): void {
    if (this.#context?.state === 'suspended') void this.#context.resume().catch(() => undefined);
  }

  /* 0 is silence, 1 as loud as it gets. */
  level(): number {
    if (!this.#source || !this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#wave);
    const power = this.#wave.reduce((sum, sample) => sum + sample * sample, 0) / samples;
    const db = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, 1 - db / quietest_db));
  }
}
