// HTTP without hidden help: no retries, no decompression, times of the first and the last byte.
import http from 'node:http';
import https from 'node:https';
import { performance } from 'node:perf_hooks';
import { mostIdle } from '../http.js';

const options = { keepAlive: true, maxSockets: Infinity, timeout: mostIdle };
const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };

/* Of a private session: two viewers' playback tokens, by the address its files lie under. */
const tokensUnder = new Map();

/** From here on every request below `prefix` carries one of the two tokens. */
export function useTokens(prefix, tokens) {
  tokensUnder.set(prefix, tokens);
}

/** The address with a token that holds in the place of a made-up one, as a player puts in its own. */
function withToken(url) {
  const found = [...tokensUnder].find(([prefix]) => url.startsWith(prefix));
  if (!found) return new URL(url);
  const target = new URL(url);
  const [one, other] = found[1];
  target.searchParams.set('token', ['two', 'other'].includes(target.searchParams.get('token')) ? other : one);
  return target;
}

/** {status, headers, body, text, pieces, startedAt, firstAt, endedAt}; `pieces`: in how many the body came; times in ms of performance.now(). */
export function fetchText(url, { method = 'GET', headers = {}, timeout = 30_000 } = {}) {
  const target = withToken(url);
  const client = target.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const sent = client.request(target, { method, headers, agent: agents[target.protocol], rejectUnauthorized: false }, (answer) => {
      const firstAt = performance.now();
      const blocks = [];
      answer.on('data', (block) => blocks.push(block));
      answer.on('error', reject);
      answer.on('end', () => {
        const body = Buffer.concat(blocks);
        resolve({ status: answer.statusCode, headers: answer.headers, body, text: body.toString('utf8'), pieces: blocks.length, startedAt, firstAt, endedAt: performance.now() });
      });
    });
    sent.setTimeout(timeout, () => sent.destroy(new Error(`${url}: no answer within ${timeout} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}

export function closeConnections() {
  for (const agent of Object.values(agents)) agent.destroy();
}

/** The max-age of an answer in seconds, or NaN. */
export const maxAge = ({ headers }) => Number(/(?:^|[ ,])max-age=(\d+)/.exec(headers['cache-control'] ?? '')?.[1] ?? NaN);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
