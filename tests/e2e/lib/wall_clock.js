// A wall clock for a node that can be set while it runs, as `date -s` sets a machine's. The monotonic clock never jumps.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './child.js';

const source = fileURLToPath(new URL('wall_clock.c', import.meta.url));

export class WallClock {
  /** `seconds` is how far it is from what is true. */
  static async make(stage, seconds = 0) {
    const clock = new WallClock();
    clock.file = path.join(stage.folder, `wall-clock-${stage.nodes.length}`);
    const library = path.join(stage.folder, 'wall_clock.so');
    if (!fs.existsSync(library)) await run('cc', ['-shared', '-fPIC', '-O1', '-o', library, source]);
    clock.set(seconds);
    /** For the node that is to have this clock. */
    clock.env = { LD_PRELOAD: library, WALL_CLOCK_FILE: clock.file };
    return clock;
  }

  /** At once, for the node too. */
  set(seconds) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds) * 1_000_000n);
    const file = fs.openSync(this.file, fs.constants.O_RDWR | fs.constants.O_CREAT);
    fs.writeSync(file, bytes, 0, 8, 0);
    fs.closeSync(file);
  }
}
