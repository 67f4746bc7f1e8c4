// A PostgreSQL server of the scenario's own, reached over TCP by password as on a cluster.
import fs from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { Child, run } from './child.js';
import { repository } from './media.js';
import { freePort } from './ports.js';
import { waitFor } from './wait.js';

const script = path.join(repository, 'scripts/lib/postgresql.sh');

export class Postgres {
  /** A new cluster that serves; its database is empty. */
  static async start() {
    const postgres = new Postgres();
    // The server's user has to reach the folder, and its socket's path has to be short.
    postgres.folder = fs.mkdtempSync('/tmp/ph-pg-');
    fs.chmodSync(postgres.folder, 0o755);
    postgres.port = await freePort();
    postgres.password = randomBytes(16).toString('hex');
    await run(script, ['init', postgres.folder, String(postgres.port), postgres.password]);
    await postgres.serve();
    return postgres;
  }

  get url() {
    return `postgresql://postgres:${this.password}@127.0.0.1:${this.port}/porthole`;
  }

  /** Runs the server on what the folder holds. */
  async serve() {
    this.child = new Child(script, ['run', this.folder], { name: 'postgresql' });
    await waitFor('PostgreSQL to serve', () => this.query('SELECT 1'), { within: 60_000 });
  }

  /** The answer as psql prints it, columns separated by |. */
  async query(sql) {
    const { stdout } = await run('psql', ['-X', '-A', '-t', '-q', '-h', this.folder, '-p', String(this.port), '-U', 'postgres', '-c', sql, 'porthole']);
    return stdout.toString('utf8').trim();
  }

  /** Ends the server: "SIGQUIT" at once, without a shutdown; "SIGINT" in order. */
  stop(signal = 'SIGQUIT') {
    return this.child.stop(signal, 60_000);
  }

  /** Comes back as a standby that follows nobody: whoever writes is refused until promote(). */
  async serveReadOnly() {
    await this.stop('SIGINT');
    fs.writeFileSync(path.join(this.folder, 'cluster', 'standby.signal'), '');
    await this.serve();
  }

  /** The standby becomes the primary. */
  promote() {
    return this.query('SELECT pg_promote()');
  }

  async close() {
    await this.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
