// What listeners to events cost: memory of each while nothing happens, and how fast an event reaches them all.
import { openEvents } from '../e2e/lib/event_stream.js';
import { request } from '../e2e/lib/http.js';
import { Stage } from '../e2e/lib/stage.js';
import { waitFor } from '../e2e/lib/wait.js';
import { checkBar } from './lib/bar.js';
import { cpuSeconds, memoryOf } from './lib/process.js';
import { printTable, quantile } from './lib/table.js';

const count = Number(process.argv[2] ?? 2_000);
const stage = new Stage();
try {
  const node = await stage.node({ roles: 'api' });
  const session = await stage.session(node);
  const pid = node.child.pid;
  const warm = await Promise.all(Array.from({ length: 20 }, () => openEvents(node, session.id)));
  await Promise.all(warm.map((one) => one.heard('how things stand', (event) => event.type === 'state')));
  const before = memoryOf(pid).now;
  const listeners = [];
  const openedAt = Date.now();
  while (listeners.length < count) {
    listeners.push(...(await Promise.all(Array.from({ length: Math.min(100, count - listeners.length) }, () => openEvents(node, session.id)))));
  }
  await waitFor('everybody to hear how things stand', () => listeners.every((one) => one.events.length > 0), { within: 30_000 });
  const openedMs = Date.now() - openedAt;
  const idle = memoryOf(pid).now;
  const cpuBefore = cpuSeconds(pid);
  const saidAt = Date.now();
  const answer = await request(`${node.url}/api/sessions/${session.id}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello, everybody' }),
  });
  if (answer.status !== 201) throw new Error(`saying something: ${answer.status} ${answer.text}`);
  await waitFor('everybody to hear it', () => listeners.every((one) => one.of('chat').length > 0), { within: 30_000, every: 5 });
  const delays = listeners.map((one) => one.of('chat')[0].at - saidAt);
  const listenerKib = ((idle - before) * 1024) / count;
  printTable(`${count} listeners to one session's events`, ['figure', 'measured'], [
    ['memory of an idle listener, KiB resident', listenerKib],
    ['all opened and told how things stand, ms', openedMs],
    ['a message is heard by half of them, ms', quantile(delays, 0.5)],
    ['… by 99 in 100, ms', quantile(delays, 0.99)],
    ['… CPU of the node for it, ms', (cpuSeconds(pid) - cpuBefore) * 1000],
  ], { digits: 1 });
  checkBar('memory of an idle listener, KiB', listenerKib, { most: 20 });
  for (const one of [...listeners, ...warm]) one.close();
} finally {
  await stage.close();
}
