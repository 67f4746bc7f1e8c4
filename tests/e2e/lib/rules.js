// Checks the rules of low-latency HLS on a session while a scenario goes on.
import assert from 'node:assert/strict';
import { checkLive } from './llhls.js';
import { pause } from './wait.js';

/** How late a part may be beyond its PART-TARGET, ms: the checker, the publisher and the node share two cores. */
export const tolerance = Number(process.env.PH_LATE_MS ?? 300);

export class Rules {
  #over = new AbortController();

  /** `requests`: also the rules about single requests, which takes some seconds. `except`: rules a disturbance may break.
   * `tokens`: of two viewers of a private session. `past`: of the playlists that reach back to its start. */
  constructor(session, { requests = false, except = [], tokens, past = false } = {}) {
    this.except = new Set(except);
    this.result = checkLive(`${session.live}/index.m3u8${past ? '?dvr' : ''}`, { untilEnd: true, requests, tolerance, tokens, signal: this.#over.signal });
    this.result.catch(() => {});
  }

  set going(isGoing) {
    if (!isGoing) this.#over.abort();
  }

  /** Ends the checking; a line for each rule that was broken. */
  async broken() {
    this.going = false;
    const found = await this.result;
    this.checked = found.checked;
    return found.filter(({ rule }) => !this.except.has(rule)).map(({ rule, detail, count }) => `${rule} (${count} times): ${detail}`);
  }

  /** Ends the checking; fails when a rule was broken. */
  async hold(what = 'the session') {
    assert.deepEqual(await this.broken(), [], `${what} breaks rules`);
    assert.ok(Object.keys(this.checked).length > 20, `${what}: rules were checked`);
  }

  async holdFor(ms) {
    await pause(ms);
    await this.hold();
  }
}

/** What may be late while something is being replaced. */
export const lateness = ['part-cadence', 'segment-cadence', 'renditions-together', 'report-true'];
