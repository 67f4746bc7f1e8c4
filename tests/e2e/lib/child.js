// Child processes: their output is kept, their end can be awaited, and none outlives the test.
import { spawn } from 'node:child_process';
import { deadline } from './wait.js';

const alive = new Set();
const kept_bytes = 4 << 20;

process.on('exit', () => {
  for (const child of alive) child.signal('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(1));

export class Child {
  /** `stdin` is "ignore" or "pipe"; output is collected in `stdout` (bytes, the first `keep_bytes`) and `stderr` (text). */
  constructor(program, args, { env = process.env, stdin = 'ignore', cwd, name = program, keep_bytes = kept_bytes } = {}) {
    this.name = name;
    this.stderr = '';
    this.stdout = Buffer.alloc(0);
    this.process = spawn(program, args, { env, cwd, stdio: [stdin, 'pipe', 'pipe'] });
    this.pid = this.process.pid;
    this.running = true;
    alive.add(this);
    this.process.stdout.on('data', (bytes) => {
      if (this.stdout.length < keep_bytes) this.stdout = Buffer.concat([this.stdout, bytes]);
    });
    this.process.stderr.setEncoding('utf8');
    this.process.stderr.on('data', (text) => {
      this.stderr = (this.stderr + text).slice(-kept_bytes);
      this.onStderr?.(text);
    });
    this.process.stdin?.on('error', () => {});
    this.over = new Promise((resolve) => {
      this.process.on('error', (error) => this.#ended(resolve, { code: null, signal: null, error }));
      this.process.on('close', (code, signal) => this.#ended(resolve, { code, signal }));
    });
  }

  #ended(resolve, result) {
    this.running = false;
    this.result = result;
    alive.delete(this);
    resolve(result);
  }

  signal(name) {
    if (this.running && this.pid) {
      try {
        process.kill(this.pid, name);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
  }

  ended(within = 60_000) {
    return deadline(`the end of ${this.name}`, this.over, within);
  }

  /** Asks it to end, and kills it when it does not within `grace` ms. */
  async stop(signal = 'SIGTERM', grace = 5_000) {
    this.signal(signal);
    try {
      return await this.ended(grace);
    } catch {
      this.signal('SIGKILL');
      return this.ended();
    }
  }
}

/** Runs a program to its end; rejects when it fails. Returns the Child. */
export async function run(program, args, { within = 60_000, ...options } = {}) {
  const child = new Child(program, args, options);
  let result;
  try {
    result = await child.ended(within);
  } finally {
    child.signal('SIGKILL');
  }
  if (result.code !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with ${result.error ?? result.signal ?? result.code}: ${child.stderr}`);
  }
  return child;
}
