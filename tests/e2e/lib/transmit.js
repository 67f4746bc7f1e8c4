// Publishing bytes that ffmpeg would not send: through srt-live-transmit's standard input, at a chosen pace.
import fs from 'node:fs';
import { pause } from './wait.js';

const datagram_bytes = 1316;

export class Transmitter {
  constructor(stage, session, port, { latency_ms = 120 } = {}) {
    this.child = stage.child(
      'srt-live-transmit',
      ['-q', '-chunk:1316', 'file://con', `srt://127.0.0.1:${port}?streamid=${session.key}&latency=${latency_ms}&conntimeo=20000&mode=caller`],
      { stdin: 'pipe', name: 'srt-live-transmit' },
    );
    this.input = this.child.process.stdin;
  }

  write(bytes) {
    return this.child.running && this.input.write(bytes);
  }

  /** Sends the bytes evenly over `seconds`; ends early when `isOver` says so or the connection is gone. */
  async pace(bytes, seconds, isOver = () => false) {
    const startedAt = Date.now();
    let sent = 0;
    while (sent < bytes.length && this.child.running && !isOver()) {
      const due = Math.min(bytes.length, Math.floor(((Date.now() - startedAt) / 1000 / seconds) * bytes.length));
      const whole = due === bytes.length ? due : due - (due % datagram_bytes);
      for (; sent < whole; sent += datagram_bytes) this.write(bytes.subarray(sent, Math.min(sent + datagram_bytes, whole)));
      await pause(10);
    }
  }

  paceFile(file, seconds, isOver) {
    return this.pace(fs.readFileSync(file), seconds, isOver);
  }
}
