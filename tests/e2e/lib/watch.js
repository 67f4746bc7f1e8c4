// A viewer that follows one track by blocking reloads and notes when each part appeared.
import { request } from './http.js';
import { parsePlaylist } from './playlist.js';
import { pause } from './wait.js';

export class Watch {
  constructor(url) {
    this.url = url;
    this.parts = new Map();
    this.segments = new Set(); // numbers of those that were listed whole
    this.problems = [];
    this.discontinuities = 0;
    this.going = true;
    this.over = this.#follow();
  }

  async #follow() {
    let next;
    while (this.going && !this.ended) {
      const query = next ? `?_HLS_msn=${next.msn}&_HLS_part=${next.part}` : '';
      let answer;
      try {
        answer = await request(this.url + query, { timeout: 30_000 });
      } catch (error) {
        this.problems.push({ at: Date.now(), problem: error.message });
        await pause(50);
        continue;
      }
      if (answer.status !== 200) {
        this.problems.push({ at: Date.now(), problem: `${answer.status} for ${query}` });
        next = undefined;
        await pause(50);
        continue;
      }
      next = this.#take(answer);
    }
  }

  #take(answer) {
    const playlist = parsePlaylist(answer.text);
    this.playlist = playlist;
    this.text = answer.text;
    this.discontinuities = Math.max(this.discontinuities, playlist.discontinuities);
    const isFirst = this.parts.size === 0;
    for (const { msn, gap } of playlist.segments) if (!gap) this.segments.add(msn);
    for (const part of playlist.parts) {
      const key = `${part.msn}.${part.part}`;
      if (!this.parts.has(key)) this.parts.set(key, { ...part, at: answer.endedAt, known: isFirst });
    }
    this.ended = playlist.ended;
    const last = playlist.parts[playlist.parts.length - 1];
    if (!last) return undefined;
    const isSegmentOver = playlist.segments.some((segment) => segment.msn === last.msn);
    return isSegmentOver ? { msn: last.msn + 1, part: 0 } : { msn: last.msn, part: last.part + 1 };
  }

  /** Parts in order of their numbers. */
  get ordered() {
    return [...this.parts.values()].sort((a, b) => a.msn - b.msn || a.part - b.part);
  }

  /** The longest time between the appearance of two parts, in ms, counted from `since` (Date.now). */
  longestGap(since = 0) {
    const times = this.ordered.filter((part) => !part.known).map((part) => part.at);
    let longest = 0;
    for (let i = 1; i < times.length; i++) if (times[i] >= since) longest = Math.max(longest, times[i] - times[i - 1]);
    return longest;
  }

  /** Numbers that were passed over: every segment must have its parts from 0 up to its own last. Of one that was listed whole the parts
   * need not have been seen: who comes back after seconds finds older ones without their tags. */
  skipped() {
    const holes = [];
    const ordered = this.ordered;
    for (let i = 1; i < ordered.length; i++) {
      const [before, after] = [ordered[i - 1], ordered[i]];
      const follows = after.msn === before.msn ? after.part === before.part + 1 : after.part === 0 && this.#isWhole(before.msn, after.msn);
      if (!follows) holes.push(`${before.msn}.${before.part} → ${after.msn}.${after.part}`);
    }
    return holes;
  }

  #isWhole(from, until) {
    for (let msn = from; msn < until; msn++) if (!this.segments.has(msn)) return false;
    return true;
  }

  get last() {
    return this.ordered[this.parts.size - 1];
  }

  async stop() {
    this.going = false;
    await Promise.race([this.over, pause(500)]);
  }
}

