// Runs beside others
import assert from 'node:assert/strict';
import { request } from './lib/http.js';
import { parsePlaylist } from './lib/llhls/playlist.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';
import { WallClock } from './lib/wall_clock.js';

const hour = 3600, year = 365 * 24 * hour;
const renewAfterMs = 1_000;

const ask = async (node, path, token) => (await request(`${node.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).json;

/** Plays one track of a private session from segment to segment, with a new playback token now and then. */
class Viewer {
  constructor(session, look) {
    Object.assign(this, { session, look, dates: new Map(), problems: [], going: true, next: 0 });
    this.over = this.#play().catch((error) => this.problems.push(error.message));
  }

  async #play() {
    let token, takenAt = -Infinity;
    while (this.going && !this.ended) {
      if (Date.now() - takenAt > renewAfterMs) {
        token = (await this.look()).playback?.token;
        takenAt = Date.now();
      }
      const query = this.next ? `&_HLS_msn=${this.next}` : '';
      const answer = await request(`${this.session.live}/v360/index.m3u8?token=${token}${query}`);
      const off = Date.parse(answer.headers.date) - Date.now();
      if (Math.abs(off) > 5_000) this.problems.push(`the playlist is dated ${off} ms off`);
      if (answer.status === 200) this.#take(parsePlaylist(answer.text));
      else if (this.problems.push(`${answer.status} ${answer.text}`) > 3) return;
    }
  }

  #take({ segments, ended }) {
    this.ended = ended;
    for (const { msn, date } of segments) {
      if (msn === this.next) this.next = msn + 1;
      const before = this.dates.get(msn) ?? date;
      if (date !== before) this.problems.push(`segment ${msn} was at ${before} and is at ${date}`);
      this.dates.set(msn, date);
    }
  }
}

scenario('a session, its viewers, its recording and its archive live through a wall clock that jumps both ways', async (stage) => {
  const s3 = await stage.s3();
  const clock = await WallClock.make(stage);
  const node = await stage.node({ env: clock.env });
  const session = await stage.session(node, { body: { visibility: 'private', title: 'Castle' } });
  await stage.publish(session, node.srtPort);
  const look = () => ask(node, `/api/sessions/${session.id}`, session.token);
  await waitFor('the session to be live', async () => (await look()).state === 'live', { within: 60_000 });
  const viewer = new Viewer(session, look);
  stage.viewer(() => { viewer.going = false; });

  for (const seconds of [hour, -hour, year, -30, 0]) {
    const { next } = viewer;
    clock.set(seconds);
    await waitFor(`a segment after the clock was set ${seconds} s off`, () => viewer.next > next || viewer.problems.length > 0, { within: 30_000 });
    assert.deepEqual(viewer.problems, [], `what the viewer met at ${seconds} s`);
    assert.equal((await look()).state, 'live');
  }
  await stage.end(session);
  await waitFor('the viewer to be at the end', () => viewer.ended);
  const recording = await waitFor('the recording', async () => {
    const found = await ask(node, `/api/recordings/${session.id}`, session.token);
    return found?.state === 'ready' && found;
  });
  const dates = [...viewer.dates.values()];
  dates.slice(1).forEach((date, index) => assert.ok(date > dates[index] && date - dates[index] <= 2_000, `${dates}`));
  const lastedMs = Date.now() - dates[0];
  assert.ok(recording.durationMs > 2_000 * (viewer.dates.size - 1) && recording.durationMs <= lastedMs, `${recording.durationMs} of ${lastedMs}`);
  assert.ok(Math.abs(recording.readyAt - Date.now()) < 10_000 && recording.readyAt - recording.createdAt < lastedMs + 5_000);
  const segments = [...(await s3.list(`recordings/${session.id}`)).keys()].filter((key) => /v360\/\d+\.m4s$/.test(key));
  assert.equal(segments.length, viewer.dates.size);

  clock.set(-hour);
  const headers = { authorization: `Bearer ${session.token}`, accept: 'application/json' };
  const { url } = (await request(`${node.url}/api/recordings/${session.id}/download`, { headers })).json;
  assert.equal((await request(url)).body.length, recording.bytes, 'an address signed meanwhile is good');
}, { within: 60_000 });
