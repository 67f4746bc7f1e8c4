// What a process costs, read from /proc.
import fs from 'node:fs';

const ticks_per_second = 100;

/** CPU seconds, user and system, of all its threads so far. */
export function cpuSeconds(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks_per_second;
}

/** Resident memory in MiB: {now, most, own} (own: what it shares with nobody's file, anonymous memory). */
export function memoryOf(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
  return { now: field('VmRSS'), most: field('VmHWM'), own: field('RssAnon') };
}

/** CPU seconds of its threads so far, those of a name together: Map of name → seconds, by the scheduler's own nanoseconds. */
export function threadSeconds(pid) {
  const seconds = new Map();
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    try {
      const name = fs.readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim();
      const [run] = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      seconds.set(name, (seconds.get(name) ?? 0) + Number(run) / 1e9);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
    }
  }
  return seconds;
}
