// The stage of one scenario: everything it starts is stopped and looked over when the scenario ends.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Child, run } from './child.js';
import { closeConnections, fetchWhole, request } from './http.js';
import { loopArguments, sourceFile, srtUrl } from './media.js';
import { parseMultivariant, parsePlaylist } from './playlist.js';
import { Porthole, binary } from './porthole.js';
import { Postgres } from './postgres.js';
import { S3 } from './s3.js';
import { Rules } from './rules.js';
import { UdpRelay } from './udp_relay.js';
import { deadline, waitFor } from './wait.js';
import { Watch } from './watch.js';
import { WhipPublisher } from './whip_publisher.js';

/** A session as its streamer sees it. */
export class Session {
  constructor(answer, { api, origin }) {
    Object.assign(this, { id: answer.sessionId, key: answer.streamKey, answer, api, origin });
    this.live = `${origin.url}/live/${this.id}`;
  }

  /** The multivariant playlist, once it is there. */
  async multivariant(within = 40_000) {
    const { text } = await waitFor(`session ${this.id} to be live`, () => fetchWhole(`${this.live}/index.m3u8`), { within });
    return parseMultivariant(text);
  }

  async playlist(track) {
    return parsePlaylist((await fetchWhole(`${this.live}/${track}/index.m3u8`)).text);
  }

  /** GET /api/sessions/{id}. */
  async state(token) {
    return (await fetchWhole(`${this.api.url}/api/sessions/${this.id}`, { headers: { authorization: `Bearer ${token}` } })).json;
  }

  /** Waits until the playlist holds this many finished segments more than it does. */
  async segments(track, more = 1, within = 60_000) {
    const from = (await this.playlist(track)).segments.at(-1)?.msn ?? -1;
    return waitFor(
      `${more} more segments of ${track}`,
      async () => {
        const playlist = await this.playlist(track);
        return (playlist.segments.at(-1)?.msn ?? -1) >= from + more && playlist;
      },
      { within },
    );
  }
}

export class Stage {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'porthole-'));
    this.nodes = [];
    this.children = [];
    this.relays = [];
    this.watches = [];
    this.secrets = new Set();
    this.viewers = [];
    this.cleanups = [];
    this.env = {};
  }

  dataDir(name = 'data') {
    const folder = path.join(this.folder, name);
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** A started node; `roles` of "origin" and the like make it one of several processes. */
  async node(options = {}) {
    const node = new Porthole({ dataDir: this.dataDir(), ...options, env: { ...this.env, ...options.env } });
    this.nodes.push(node);
    await node.start();
    return node;
  }

  /** Ingest with worker, origin and api each in a process of its own, on one data folder. */
  async cluster(env = {}) {
    const origin = await this.node({ roles: 'origin', env });
    const api = await this.node({ roles: 'api', env: { ...env, PORTHOLE_PUBLIC_URL: origin.url } });
    const worker = await this.node({ roles: 'worker', env: { ...env, PORTHOLE_ORIGINS: origin.url } });
    const ingest = await this.node({
      roles: 'ingest',
      env: { ...env, PORTHOLE_ORIGINS: origin.url, PORTHOLE_WORKERS: `unix:${this.dataDir()}/worker.sock` },
    });
    return { origin, api, worker, ingest };
  }

  /** A PostgreSQL server, which every node started from here on uses. */
  async postgres() {
    const postgres = await Postgres.start();
    this.database = postgres;
    this.env.PORTHOLE_DATABASE_URL = postgres.url;
    this.secrets.add(postgres.password);
    this.after(() => postgres.close());
    return postgres;
  }

  /** An S3 server, whose bucket is the archive of the nodes made afterwards. */
  async s3(options) {
    const s3 = await S3.start(options);
    Object.assign(this.env, s3.env);
    this.secrets.add(s3.env.AWS_SECRET_ACCESS_KEY);
    this.after(() => s3.close());
    return s3;
  }

  async token(node, { role = 'streamer', sub = 'streamer-1', session, ttl } = {}) {
    const args = ['token', '--role', role, '--sub', sub];
    if (session) args.push('--session', session);
    if (ttl) args.push('--ttl', String(ttl));
    const { stdout } = await run(binary, args, { env: node.env });
    const token = stdout.toString('utf8').trim();
    this.secrets.add(token);
    return token;
  }

  async session(node, { body = { visibility: 'public' }, origin = node, sub } = {}) {
    const token = await this.token(node, { sub });
    const answer = await request(`${node.url}/api/sessions/start`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 201, answer.text);
    const session = new Session(answer.json, { api: node, origin });
    session.token = token;
    this.secrets.add(session.key);
    if (answer.json.ingest?.srt?.passphrase) this.secrets.add(answer.json.ingest.srt.passphrase);
    return session;
  }

  async end(session) {
    const answer = await request(`${session.api.url}/api/sessions/end/${session.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${session.token}` },
    });
    assert.ok(answer.status < 300, `ending the session: ${answer.status} ${answer.text}`);
  }

  child(program, args, options) {
    const child = new Child(program, args, options);
    this.children.push(child);
    return child;
  }

  /** Publishes a file over and over; `port` is the node's SRT port or a relay's. */
  async publish(session, port, { file, source, url, ...options } = {}) {
    const media = file ?? (await sourceFile(source));
    return this.child('ffmpeg', loopArguments(media, url ?? srtUrl(port, session.key), options), { name: 'publisher' });
  }

  /** Publishes a file's H.264 and Opus over WHIP, untouched; returns once it is connected. */
  whip(session, options) {
    return WhipPublisher.open(this, session, options);
  }

  /** A node, a session and a publisher; returns once the session is live. */
  async live({ env, source, file, body } = {}) {
    const node = await this.node({ env });
    const session = await this.session(node, { body });
    const publisher = await this.publish(session, node.srtPort, { source, file });
    const multivariant = await session.multivariant();
    return { node, session, publisher, multivariant, tracks: multivariant.variants.map((one) => one.track) };
  }

  /** Waits until a segment has passed in which no picture was left out: a worker whose machine was slow to start it is late at first, and
   * leaves out some. `node`: where the publisher is. Returns the number of the next segment. */
  async steady(session, { node = session.api, track = 'v360' } = {}) {
    const leftOut = () => node.metric('porthole_worker_frames_dropped', { session: session.id });
    const { segments } = await waitFor('a segment with every picture', async () => {
      const before = await leftOut();
      const playlist = await session.segments(track, 2); // one may end at once
      return (await leftOut()) === before && playlist;
    });
    return segments.at(-1).msn + 1;
  }

  async relay(port, options) {
    const relay = await UdpRelay.open(port, options);
    this.relays.push(relay);
    return relay;
  }

  watch(session, track) {
    const watch = new Watch(`${session.live}/${track}/index.m3u8`);
    this.watches.push(watch);
    return watch;
  }

  /** Starts to check every rule of the format on this session. */
  rules(session, options) {
    const rules = new Rules(session, options);
    this.watches.push(rules);
    return rules;
  }

  /** The init segment and the segments `from` to `to` of a track as one file for ffprobe. Tracks come one after the other: what another one
   * lists may be on its way. */
  async download(session, track, from, to) {
    await waitFor(`segment ${to} of ${track}`, async () => {
      const { segments, ended } = await session.playlist(track);
      return ended || segments.at(-1)?.msn >= to;
    });
    const blocks = [(await fetchWhole(`${session.live}/${track}/init.mp4`)).body];
    for (let msn = from; msn <= to; msn++) blocks.push((await fetchWhole(`${session.live}/${track}/${msn}.m4s`)).body);
    const file = path.join(this.folder, `${session.id}-${track}-${from}-${to}.mp4`);
    fs.writeFileSync(file, Buffer.concat(blocks));
    return file;
  }

  /** Closes something that looks at a node, before the node is stopped. */
  viewer(close) {
    this.viewers.push(close);
  }

  /** Runs once everything has stopped. */
  after(cleanup) {
    this.cleanups.push(cleanup);
  }

  /** What the nodes said, for whoever has to find out why a scenario failed. */
  dump() {
    for (const node of this.nodes) {
      const lines = node.output.split('\n').slice(-80).join('\n');
      console.error(`--- the last lines of ${node.name} (pid ${node.child?.pid}, ended: ${JSON.stringify(node.child?.result ?? null)})\n${lines}`);
    }
    for (const child of this.children) {
      if (child.stderr) console.error(`--- ${child.name}: ${child.stderr.slice(-1_500)}`);
    }
  }

  async close() {
    for (const watch of this.watches) watch.going = false;
    await Promise.all(this.children.map((child) => child.stop('SIGTERM', 2_000)));
    for (const cleanup of this.viewers.reverse()) await cleanup();
    const ends = await Promise.all(this.nodes.filter((node) => node.child?.running).map(async (node) => {
      try {
        return { node, ...(await node.stop()) };
      } catch (error) {
        node.child.signal('SIGKILL');
        await node.child.ended();
        return { node, error };
      }
    }));
    for (const relay of this.relays) relay.close();
    for (const cleanup of this.cleanups.reverse()) await cleanup();
    closeConnections();
    fs.rmSync(this.folder, { recursive: true, force: true });
    return ends;
  }

  /** What holds after every scenario: a clean end, nothing forbidden tried in a sandbox, no sanitizer's report, no secret in a log. */
  judge(ends) {
    for (const { node, code, signal, error } of ends) {
      assert.equal(error, undefined, `${node.name} did not end`);
      assert.equal(code, 0, `${node.name} ended with ${signal ?? code}`);
    }
    for (const node of this.nodes) {
      const report = /(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer)[^\n]*/.exec(node.output);
      assert.equal(report, null, `${node.name}: ${report?.[0]}`);
      assert.doesNotMatch(node.output, /"(signal|wait_status)":31\b/, `${node.name}: a sandbox forbade what a process needs (SIGSYS)`);
      for (const secret of this.secrets) assert.ok(!node.output.includes(secret), `${node.name} logged a key or a token`);
    }
  }
}

/** A test with a stage. `within` bounds the scenario on a machine of its own, and a busy one gets three times as long; its end is not
 * counted. */
export function scenario(name, body, { within = 60_000 } = {}) {
  test(name, async (t) => {
    const stage = new Stage();
    let failure;
    try {
      await deadline('the scenario', body(stage, t), 3 * within);
    } catch (error) {
      failure = error;
    }
    const ends = await stage.close();
    try {
      if (failure) throw failure;
      stage.judge(ends);
    } catch (error) {
      stage.dump();
      throw error;
    }
  });
}

/** The same scenario twice: on SQLite and on PostgreSQL. */
export function scenarioOnBoth(name, body, options) {
  scenario(`${name} (SQLite)`, body, options);
  scenario(
    `${name} (PostgreSQL)`,
    async (stage, t) => {
      await stage.postgres();
      await body(stage, t);
    },
    options,
  );
}
