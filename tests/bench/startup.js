// From the first packet of a publisher to the multivariant playlist: what a family waits for.
import { loopArguments, sourceFile, srtUrl } from '../e2e/lib/media.js';
import { request } from '../e2e/lib/http.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { median, printTable, quantile } from './lib/table.js';

const rounds = Number(process.argv[2] ?? 7);
const stage = new Stage();
try {
  const node = await stage.node({ env: { PORTHOLE_LADDER: '1080p30@4500k,720p30@2500k' } });
  const file = await sourceFile({ size: '1920x1080', bitrate: '6M', keyframe_s: 2 });
  const waits = [];
  for (let round = 0; round < rounds; round++) {
    const session = await stage.session(node, { sub: `streamer-${round}` });
    // The relay tells when the first packet left the publisher; the publisher's own start-up is not counted.
    const relay = await stage.relay(node.srtPort);
    const publisher = stage.child('ffmpeg', loopArguments(file, srtUrl(relay.port, session.key)), { name: 'publisher' });
    await waitFor('the first packet', () => relay.passed > 0, { within: 10_000, every: 1 });
    const startedAt = Date.now();
    await waitFor('the playlist', async () => (await request(`${session.live}/index.m3u8`)).status === 200, { within: 20_000, every: 5 });
    waits.push(Date.now() - startedAt);
    await publisher.stop('SIGKILL');
    await stage.end(session);
  }
  printTable('publish start → multivariant 200, ms (bar: ≤ 2000; aim 1000; OvenMediaEngine 2750)',
    ['rounds', 'median', 'max'], [[rounds, median(waits), quantile(waits, 1)]], { digits: 0 });
  checkBar('publish start → multivariant, most ms', quantile(waits, 1), { most: 2000 });
} finally {
  await stage.close();
}
