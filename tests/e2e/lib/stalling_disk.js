// A disk that stands still at a wish: whatever a node makes durable, or changes in a folder, takes as long as it is told.
import fs from 'node:fs';
import path from 'node:path';
import { run } from './child.js';

const source = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), 'stalling_disk.c');

export class StallingDisk {
  /** For a data folder; `env` is for the node that uses it. */
  static async make(stage, dataDir) {
    const disk = new StallingDisk();
    const library = path.join(stage.dataDir('stalling-disk'), 'stalling_disk.so');
    disk.control = path.join(path.dirname(library), 'milliseconds');
    disk.stall(0);
    await run('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
    const beside = process.env.LD_PRELOAD ? ` ${process.env.LD_PRELOAD}` : '';
    disk.env = { LD_PRELOAD: library + beside, STALL_FOLDER: dataDir, STALL_CONTROL: disk.control };
    return disk;
  }

  /** From now on everything takes so long; what waits already goes on once it has waited for that. */
  stall(milliseconds) {
    fs.writeFileSync(`${this.control}.new`, String(milliseconds));
    fs.renameSync(`${this.control}.new`, this.control);
  }
}
