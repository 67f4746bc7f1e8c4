// What the receiving side costs: CPU of the threads that take a 6 Mbit/s session in, over WebRTC and over SRT.
import { Stage } from '../e2e/lib/stage.js';
import { pause } from '../e2e/lib/wait.js';
import { whipFile } from '../e2e/lib/whip_publisher.js';
import { checkBar } from './lib/bar.js';
import { threadSeconds } from './lib/process.js';
import { printTable } from './lib/table.js';

const seconds = Number(process.argv[2] ?? 20);
const source = { picture: 'motion', size: '1280x720', bitrate: '6M', keyframe_s: 2, seconds: 10 };

/** Threads of the network: everything of the node but HTTP, relay, origin, API and the rest. */
const receives = { WebRTC: /webrtc/i, SRT: /srt/i };

async function measure(protocol) {
  const stage = new Stage();
  try {
    const node = await stage.node();
    const session = await stage.session(node);
    if (protocol === 'WebRTC') await stage.whip(session, { source });
    else await stage.publish(session, node.srtPort, { file: await whipFile(source) });
    await session.multivariant();
    await session.segments('v360', 2);
    const bytes = () => node.metric('porthole_ingest_bytes_total', { protocol: protocol === 'SRT' ? 'srt' : 'whip' });
    const [cpuBefore, bytesBefore, startedAt] = [threadSeconds(node.child.pid), await bytes(), Date.now()];
    await pause(seconds * 1_000); // the time itself is what is measured over
    const [cpu, received, took] = [threadSeconds(node.child.pid), await bytes(), (Date.now() - startedAt) / 1_000];
    const spent = (pattern) => [...cpu].filter(([name]) => pattern.test(name)).reduce((sum, [name, value]) => sum + value - (cpuBefore.get(name) ?? 0), 0);
    const mbit = ((received - bytesBefore) * 8) / took / 1e6;
    const percent = (spent(receives[protocol]) * 100) / took;
    const names = [...cpu.keys()].filter((name) => receives[protocol].test(name)).join(' ');
    return [protocol, names, mbit, percent, (percent * 6) / mbit, (spent(/relay/i) * 100) / took];
  } finally {
    await stage.close();
  }
}

const rows = [await measure('WebRTC'), await measure('SRT')];
printTable(`CPU of the receiving side over ${seconds} s, % of a core`,
  ['protocol', 'threads', 'Mbit/s', 'CPU', 'for 6 Mbit/s', 'relay beside it'], rows);
checkBar('WebRTC: % of a core for 6 Mbit/s', rows[0][4], { most: 3 });
