// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import dgram from 'node:dgram';
import path from 'node:path';
import { scenario } from './lib/stage.js';
import { Porthole, binary } from './lib/porthole.js';

/** The one line that says why. */
function reasonIn(output) {
  const said = output.split('\n').filter((line) => line.startsWith('porthole: '));
  assert.equal(said.length, 1, `one line says why:\n${output}`);
  return said[0];
}

/** Starts a node that cannot run; returns the one line it says. */
async function refusal(stage, options) {
  const node = new Porthole({ dataDir: stage.dataDir(), ...options });
  await node.prepare();
  if (options.prepare) await options.prepare(node);
  await node.spawn();
  const { code } = await node.child.ended(30_000);
  assert.equal(code, 1, node.output);
  return reasonIn(node.output);
}

scenario('a port that is taken is named', async (stage) => {
  const http = await refusal(stage, {
    prepare: (node) => new Promise((resolve) => {
      const server = net.createServer().listen(node.httpPort, '127.0.0.1', resolve);
      stage.after(() => server.close());
    }),
  });
  assert.match(http, /in use|taken|already/i);
  assert.match(http, /PORTHOLE_HTTP_LISTEN|http_listen|127\.0\.0\.1:\d+/);
  const srt = await refusal(stage, {
    prepare: (node) => new Promise((resolve) => {
      const socket = dgram.createSocket('udp4');
      socket.bind(node.srtPort, '127.0.0.1', resolve);
      stage.after(() => socket.close());
    }),
  });
  assert.match(srt, /in use|taken|already/i);
  assert.match(srt, /PORTHOLE_SRT_LISTEN|srt_listen|127\.0\.0\.1:\d+/);
});

scenario('who publishes and was not told where to is told to say it', async (stage) => {
  assert.match(await refusal(stage, { roles: 'ingest' }), /PORTHOLE_ORIGINS=http/);
  const worker = await stage.node({ roles: 'worker' });
  await worker.logged('what it leaves to others', ({ level, msg }) => level === 'warning' && /left to other workers: origins/.test(msg));
});

scenario('a data folder that cannot be written is named', async (stage) => {
  const file = path.join(stage.folder, 'a-file');
  fs.writeFileSync(file, '');
  const said = await refusal(stage, { env: { PORTHOLE_DATA_DIR: path.join(file, 'data') } });
  assert.match(said, /a-file\/data/);
});

scenario('an archive is not verified by a database that is another, or away: it is named', async (stage) => {
  const dataDir = stage.dataDir();
  const verify = (env) => {
    const { status, stderr } = spawnSync(binary, ['archive', 'verify'], { env: { ...process.env, PORTHOLE_DATA_DIR: dataDir, ...env }, encoding: 'utf8' });
    assert.equal(status, 1, stderr);
    return reasonIn(stderr);
  };
  const empty = verify({});
  assert.ok(empty.includes(`sqlite:${dataDir}/`), empty);
  assert.match(empty, /migration 0 of \d+.*role api.*database_url/);
  const away = verify({ PORTHOLE_DATABASE_URL: 'postgresql://somebody:hidden@127.0.0.1:1/elsewhere' });
  assert.match(away, /127\.0\.0\.1.*database_url/);
  assert.doesNotMatch(away, /hidden/);
});

scenario('settings that are wrong are named with the range they may have', async (stage) => {
  const wrong = {
    PORTHOLE_PART_MS: ['0', '-1', 'soon', '99999999'],
    PORTHOLE_SEGMENT_MS: ['7', '1e9'],
    PORTHOLE_LADDER: ['1080p', 'huge@1', '1080p30@4500k,', ','],
    PORTHOLE_HTTP_LISTEN: ['nowhere', '127.0.0.1:99999'],
    PORTHOLE_SRT_LATENCY_MS: ['9000000'],
    PORTHOLE_PRESET: ['quickest'],
    PORTHOLE_LOG_LEVEL: ['loud'],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      const said = await refusal(stage, { env: { [key]: value } });
      assert.match(said, new RegExp(key, 'i'), `${key}=${value}`);
    }
  }
  const config = path.join(stage.folder, 'porthole.yaml');
  fs.writeFileSync(config, 'log_level: info\npart_ms: 5\n');
  const said = await refusal(stage, { config });
  assert.match(said, /porthole\.yaml/);
  assert.match(said, /part_ms/);
  fs.writeFileSync(config, 'part_ms: [\n');
  assert.match(await refusal(stage, { config }), /porthole\.yaml/);
});
