// Answers as a test wants them: one transport alone, or through a relay.
import http from 'node:http';
import { request } from './http.js';

/** Keeps the candidates over `transport` ("udp", "tcp"; both when undefined), and leads them to `port` when one is given. */
export function keepCandidates(sdp, { transport, port } = {}) {
  const isKept = (line) => {
    const over = /^a=candidate:\S+ \d+ (\S+) /.exec(line)?.[1].toLowerCase();
    return over === undefined || transport === undefined || over === transport;
  };
  const lead = (line) => (port ? line.replace(/^(a=candidate:\S+ \d+ \S+ \d+ )\S+ \d+/, `$1127.0.0.1 ${port}`) : line);
  return sdp.split('\r\n').filter(isKept).map(lead).join('\r\n');
}

/** Through a relay there is only UDP. */
export const throughRelay = (relay) => ({ transport: 'udp', port: relay.port });

/** For a publisher whose answer cannot be changed on its way into it: an address that passes on to a node what it is asked, and leads the
 * media of its answers through a relay. */
export async function signallingThrough(stage, node, relay) {
  const server = http.createServer(async (asked, answered) => {
    const blocks = [];
    for await (const block of asked) blocks.push(block);
    const answer = await request(node.url + asked.url, { method: asked.method, headers: asked.headers, body: Buffer.concat(blocks) });
    const body = Buffer.from(answer.status === 201 ? keepCandidates(answer.text, throughRelay(relay)) : answer.body);
    answered.writeHead(answer.status, { ...answer.headers, 'content-length': body.length }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}
