// One `porthole serve` process: started, waited for, looked into, stopped.
import fs from 'node:fs';
import path from 'node:path';
import { Child } from './child.js';
import { fetchWhole, request } from './http.js';
import { repository } from './media.js';
import { freePort } from './ports.js';
import { waitFor } from './wait.js';

export const binary = process.env.PH_BINARY ?? path.join(repository, 'build/test/app/porthole');

/** Small renditions, so that a test costs little; sizes do not matter to most rules. */
export const smallLadder = '360p30@800k,240p30@400k';

/** Children of a process, theirs included, as {pid, command, cpuTicks, threads}. */
export function descendants(pid) {
  const found = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') continue;
      const command = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim();
      const [threads, cpuTicks] = [Number(fields[17]), Number(fields[11]) + Number(fields[12])];
      found.push({ pid: Number(name), parent: Number(fields[1]), command, cpuTicks, threads });
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
    }
  }
  const below = new Set([pid]);
  let grown = true;
  while (grown) {
    const before = below.size;
    for (const one of found) if (below.has(one.parent)) below.add(one.pid);
    grown = below.size > before;
  }
  return found.filter((one) => one.pid !== pid && below.has(one.pid));
}

export class Porthole {
  constructor({ dataDir, roles, env = {}, name = roles ?? 'porthole', config } = {}) {
    Object.assign(this, { dataDir, roles, name, config, given: env, lines: [], output: '' });
  }

  async prepare() {
    this.httpPort ??= await freePort();
    this.srtPort ??= await freePort();
    this.webrtcPort ??= await freePort();
    this.url = `http://127.0.0.1:${this.httpPort}`;
    const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('PORTHOLE_'));
    this.env = {
      ...Object.fromEntries(inherited),
      PORTHOLE_DATA_DIR: this.dataDir,
      PORTHOLE_HTTP_LISTEN: `127.0.0.1:${this.httpPort}`,
      PORTHOLE_SRT_LISTEN: `127.0.0.1:${this.srtPort}`,
      PORTHOLE_WEBRTC_LISTEN: `127.0.0.1:${this.webrtcPort}`,
      PORTHOLE_PUBLIC_URL: this.url,
      PORTHOLE_WEB_DIR: path.join(repository, 'web/dist'),
      PORTHOLE_LADDER: smallLadder,
      PORTHOLE_RATE_LIMITS: 'off',
      ...this.given,
    };
  }

  /** Starts the process without waiting for it to be ready. */
  async spawn() {
    await this.prepare();
    const args = ['serve'];
    if (this.roles) args.push('--roles', this.roles);
    if (this.config) args.push('--config', this.config);
    this.child = new Child(binary, args, { env: this.env, cwd: this.dataDir, name: this.name });
    let rest = '';
    this.child.onStderr = (text) => {
      this.output += text;
      const pieces = (rest + text).split('\n');
      rest = pieces.pop();
      for (const piece of pieces) {
        try {
          this.lines.push(JSON.parse(piece));
        } catch {
          this.lines.push({ level: 'raw', msg: piece });
        }
      }
    };
    return this;
  }

  async start() {
    await this.spawn();
    await waitFor(
      `${this.name} to be ready`,
      async () => {
        if (!this.child.running) return true;
        return (await request(`${this.url}/ready`, { timeout: 5_000 })).status === 200;
      },
      { within: 60_000 },
    );
    if (!this.child.running) throw new Error(`${this.name} did not start: ${this.output.slice(-2_000)}`);
    return this;
  }

  async kill() {
    this.killed = true;
    this.child.signal('SIGKILL');
    await this.child.ended();
  }

  /** SIGTERM, and how it ended: {code, signal}. */
  stop(within = 40_000) {
    this.child.signal('SIGTERM');
    return this.child.ended(within);
  }

  async restart() {
    if (this.child.running) await this.stop();
    this.killed = false;
    return this.start();
  }

  async metrics() {
    const { text } = await fetchWhole(`${this.url}/metrics`);
    const samples = [];
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!match) continue;
      const labels = {};
      for (const [, key, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[key] = value;
      samples.push({ name: match[1], labels, value: Number(match[3]) });
    }
    return samples;
  }

  /** The sum of a metric's samples that carry these labels; undefined when there is none. */
  async metric(name, labels = {}) {
    const fitting = (await this.metrics()).filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return fitting.length ? fitting.reduce((sum, sample) => sum + sample.value, 0) : undefined;
  }

  /** Transcode processes of this node, busiest first: the warm spare has no thread for a session yet, though its start may have cost it
   * as much as another's first second. */
  workers() {
    return descendants(this.child.pid)
      .filter((one) => / transcode\b/.test(one.command))
      .sort((a, b) => b.threads - a.threads || b.cpuTicks - a.cpuTicks);
  }

  line(predicate) {
    return this.lines.find(predicate);
  }

  /** The first line of the log that fits, once it is there: who logs waits for nobody. */
  logged(what, predicate, options) {
    return waitFor(`the log to tell ${what}`, () => this.line(predicate), options);
  }
}
