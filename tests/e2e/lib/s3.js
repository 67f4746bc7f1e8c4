// An S3 server of the scenario's own: radosgw, for whose rules a day is a second.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Child, run } from './child.js';
import { repository } from './media.js';
import { waitFor } from './wait.js';

const script = path.join(repository, 'scripts/lib/s3.sh');

export class S3 {
  /** A new server with an empty bucket; with `tokens` one that has session tokens (see session_tokens.js). */
  static async start({ tokens = false } = {}) {
    const s3 = new S3();
    // Paths of sockets are short.
    s3.folder = fs.mkdtempSync('/tmp/ph-s3-');
    // What is behind the gateway is nobody's child.
    s3.atExit = () => spawnSync(script, ['stop', s3.folder]);
    process.once('exit', s3.atExit);
    try {
      await run(script, ['init', s3.folder], { within: 90_000, env: { ...process.env, S3_TOKENS: tokens ? '1' : '' } });
      await s3.serve();
      await run(script, ['bucket', s3.folder]);
    } catch (error) {
      await s3.close();
      throw error;
    }
    return s3;
  }

  /** What the server's folder tells: access-key, token-key … */
  line(name) {
    return fs.readFileSync(path.join(this.folder, name), 'utf8').trim();
  }

  /** What archive_url is set to. */
  get url() {
    return this.line('url');
  }

  get endpoint() {
    return this.line('endpoint');
  }

  /** What a process needs to use it. */
  get env() {
    return {
      PORTHOLE_ARCHIVE_URL: this.url,
      AWS_ACCESS_KEY_ID: this.line('access-key'),
      AWS_SECRET_ACCESS_KEY: this.line('secret-key'),
    };
  }

  /** Runs the gateway; what was put before is there. */
  async serve() {
    const child = new Child(script, ['run', this.folder], { name: 'radosgw' });
    this.child = child;
    await waitFor('the S3 server to serve, or to end', () => !child.running || fetch(this.endpoint), { within: 60_000 });
    if (!child.running) throw new Error(`the S3 server ended: ${child.stderr}\n${this.#lastOfLog()}`);
  }

  #lastOfLog() {
    return fs.readFileSync(path.join(this.folder, 'log/client.rgw.log'), 'utf8').split('\n').slice(-10).join('\n');
  }

  /** Ends the gateway: connections to it are refused until it serves again. */
  stop() {
    return this.child.stop('SIGKILL', 10_000);
  }

  /** It stays, and answers nothing. */
  pause() {
    this.child.signal('SIGSTOP');
  }

  resume() {
    this.child.signal('SIGCONT');
  }

  #rclone(...args) {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = this.env;
    return run('rclone', args, {
      env: {
        PATH: process.env.PATH,
        HOME: this.folder,
        RCLONE_CONFIG: '/dev/null',
        RCLONE_S3_PROVIDER: 'Ceph',
        RCLONE_S3_ENDPOINT: this.endpoint,
        RCLONE_S3_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
        RCLONE_S3_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
      },
    });
  }

  /** Copies all that begins with `prefix` into a folder. */
  async fetch(prefix, folder) {
    await this.#rclone('copy', '--ignore-times', `:s3:porthole/${prefix}`, folder);
  }

  /** The keys that begin with `prefix`, with their sizes. */
  async list(prefix = '') {
    const options = ['--recursive', '--files-only', '--no-mimetype', '--no-modtime', '--s3-list-version', '2'];
    const { stdout } = await this.#rclone('lsjson', ...options, `:s3:porthole/${prefix}`);
    return new Map(JSON.parse(stdout.toString('utf8')).map(({ Path, Size }) => [prefix ? `${prefix.replace(/\/$/, '')}/${Path}` : Path, Size]));
  }

  /** Another key of the same user's. */
  async addKey(key, secret) {
    await this.admin('key', 'create', '--uid=porthole', '--key-type=s3', `--access-key=${key}`, `--secret-key=${secret}`);
  }

  removeKey(key) {
    return this.admin('key', 'rm', '--uid=porthole', '--key-type=s3', `--access-key=${key}`);
  }

  admin(...args) {
    const env = { ...process.env, CEPH_CONF: path.join(this.folder, 'ceph.conf'), CEPH_ARGS: '--no-mon-config' };
    return run('radosgw-admin', ['-n', 'client.rgw', ...args], { env, within: 30_000 });
  }

  /** Enforces the bucket's rules once. */
  enforceRules() {
    return run(script, ['lifecycle', this.folder]);
  }

  async close() {
    if (this.child) await this.child.stop('SIGKILL', 10_000);
    await run(script, ['stop', this.folder]);
    process.off('exit', this.atExit);
  }
}
