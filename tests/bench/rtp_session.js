// What one WebRTC publisher's RTP session costs at 6 Mbit/s, without network, DTLS and SRTP, and what it recovers.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { printTable } from './lib/table.js';

const seconds = process.argv[2] ?? '300';
const program = path.join(process.env.PH_BENCH_PROGRAMS, 'bench_rtp_session');
const rows = ['0', '5', '15'].map((loss) => {
  const run = JSON.parse(execFileSync(program, [loss, seconds], { encoding: 'utf8' }));
  return [`${loss} %`, run.core_percent, Math.round(run.packets_per_core_second), run.missing, run.recovered, run.lost];
});
printTable('an RTP session at 6 Mbit/s, 50 ms round trip (bar: well under 1 % of a core)',
  ['loss', '% of a core', 'packets/s a core', 'missing', 'recovered', 'lost'], rows, { digits: 3 });
