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
