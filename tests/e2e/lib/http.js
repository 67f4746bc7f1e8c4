// HTTP as a viewer's device speaks it: kept-alive connections, no hidden retries.
import http from 'node:http';

/** How long a connection may be idle before it is not used again, ms: a node ends those that are for half a minute, and a request must not
 * meet that. */
export const mostIdle = 15_000;
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, timeout: mostIdle });

/** One exchange: {status, headers, body, text, pieces, startedAt, firstByteAt, endedAt} (times of Date.now; `pieces`: in how many the body
 * came). */
export function request(url, { method = 'GET', headers = {}, body, timeout = 20_000, through = agent } = {}) {
  return new Promise((resolve, reject) => {
    const startedAt = Date.now();
    const sent = http.request(url, { method, headers, agent: through }, (answer) => {
      const firstByteAt = Date.now();
      const blocks = [];
      answer.on('data', (block) => blocks.push(block));
      answer.on('error', reject);
      answer.on('aborted', () => reject(new Error(`${url}: the answer was cut off`)));
      answer.on('end', () => {
        clearTimeout(timer);
        const whole = Buffer.concat(blocks);
        resolve({
          status: answer.statusCode,
          headers: answer.headers,
          body: whole,
          pieces: blocks.length,
          get text() {
            return whole.toString('utf8');
          },
          get json() {
            return JSON.parse(whole.toString('utf8'));
          },
          startedAt,
          firstByteAt,
          endedAt: Date.now(),
        });
      });
    });
    const timer = setTimeout(() => sent.destroy(new Error(`${url}: no answer within ${timeout} ms`)), timeout);
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end(body);
  });
}

/** Like request, but a status other than 200 is an error. */
export async function fetchWhole(url, options) {
  const answer = await request(url, options);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return answer;
}

export function closeConnections() {
  agent.destroy();
}
