// Runs beside others: it measures no time.
import assert from 'node:assert/strict';
import { fetchWhole, request } from './lib/http.js';
import { scenarioOnBoth } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

scenarioOnBoth('an operator drains a worker: what it carries goes on, and nothing new comes to it', async (stage) => {
  const { node, session, publisher } = await stage.live({ env: { PORTHOLE_RATE_LIMITS: '' } });
  const operator = { authorization: `Bearer ${await stage.token(node, { role: 'operator', sub: 'olga' })}` };
  const listed = async () => (await fetchWhole(`${node.url}/api/workers`, { headers: operator })).json.workers;
  const worker = await waitFor('the worker to tell of its session', async () => (await listed()).find((one) => one.sessions === 1));
  assert.equal(worker.state, 'serving');
  assert.ok(worker.capacity >= 1);

  const drained = await request(`${node.url}/api/workers/${worker.id}/drain`, { method: 'POST', headers: operator });
  assert.equal(drained.status, 200, drained.text);
  await waitFor('the node to take it up', () => node.line((line) => line.msg === 'worker was told to drain'));
  const other = await stage.session(node, { sub: 'another-streamer' });
  const refused = await stage.publish(other, node.srtPort);
  await waitFor('the new publisher to be refused', () => !refused.running);
  await session.segments('v360', 1);
  assert.ok(publisher.running, 'the session that was there goes on');
  assert.equal((await listed())[0].state, 'draining');

  const admin = { authorization: `Bearer ${await stage.token(node, { role: 'admin', sub: 'ada' })}` };
  const { entries } = (await fetchWhole(`${node.url}/api/audit?target=${worker.id}`, { headers: admin })).json;
  assert.deepEqual(entries.map(({ actor, role, action }) => ({ actor, role, action })), [{ actor: 'olga', role: 'operator', action: 'workers.drain' }]);
});
