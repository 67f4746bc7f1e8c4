import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run } from './lib/child.js';
import { fetchWhole, request } from './lib/http.js';
import { mediaFile, repository, sourceArguments } from './lib/media.js';
import { binary, smallLadder } from './lib/porthole.js';
import { freePort } from './lib/ports.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const readme = fs.readFileSync(path.join(repository, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].flatMap(([, block]) => block.split('\n').map((line) => line.trim()).filter(Boolean));

/** The README's one command that begins so. */
function command(start) {
  const found = commands.filter((line) => line.startsWith(start));
  assert.equal(found.length, 1, `one command of the README begins with '${start}'`);
  return found[0];
}

/** The same command for this test's ports and program. */
const adapted = (line, { http, srt, program = binary }) =>
  line.replaceAll('build/release/app/porthole', program).replaceAll('localhost:8080', `127.0.0.1:${http}`)
    .replaceAll('localhost:9000', `127.0.0.1:${srt}`).replaceAll('127.0.0.1:8080', `127.0.0.1:${http}`).replaceAll('0.0.0.0:8080', `127.0.0.1:${http}`);

const known = [
  'scripts/up --demo', 'scripts/test', 'TOKEN=', 'curl ', 'ffmpeg ', 'build/release/app/porthole config check',
  'PORTHOLE_HTTP_LISTEN=0.0.0.0:8080', 'PORTHOLE_HTTP_LISTEN=127.0.0.1:8081', 'PORTHOLE_HTTP_LISTEN=127.0.0.1:8082',
];

test('every command of the README is tried here', () => {
  for (const line of commands) assert.ok(known.some((start) => line.startsWith(start)), `no test runs '${line}'`);
  for (const start of known) command(start);
});

scenario('scripts/up --demo shows a moving picture, the commands to publish work beside it, and Ctrl-C ends everything', async (stage) => {
  const [http, srt, webrtc] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env, PORTHOLE_DATA_DIR: stage.dataDir(), PORTHOLE_HTTP_LISTEN: `127.0.0.1:${http}`, PORTHOLE_SRT_LISTEN: `127.0.0.1:${srt}`,
    PORTHOLE_WEBRTC_LISTEN: `127.0.0.1:${webrtc}`, PORTHOLE_PUBLIC_URL: `http://127.0.0.1:${http}`, PORTHOLE_LADDER: smallLadder,
    PORTHOLE_MOST_SESSIONS: '4',
  };
  const up = stage.child('/bin/bash', ['-c', `exec ${command('scripts/up')}`], { env, cwd: repository, name: 'scripts/up' });
  const page = await waitFor('the demo\'s address', () => {
    if (!up.running) throw new Error(up.stderr);
    return /Demo +(\S+)/.exec(up.stdout.toString())?.[1];
  }, { within: 500_000 });
  assert.match((await fetchWhole(page)).text, /<html/i);
  const live = page.replace('/watch/', '/live/');
  const { text } = await fetchWhole(`${live}/index.m3u8`);
  assert.match(text, /#EXT-X-STREAM-INF/);

  const again = await runUp(env);
  assert.notEqual(again.result.code, 0);
  assert.match(again.stderr, /already answers on port/);

  const video = await mediaFile('mp4', sourceArguments({ seconds: 30 }));
  fs.copyFileSync(video, path.join(stage.folder, 'video.mp4'));
  const program = path.join(process.env.BUILD_ROOT ?? path.join(repository, 'build'), 'release/app/porthole');
  const at = { http, srt, program };
  const script = `set -e
    ${adapted(command('TOKEN='), at)}
    ANSWER=$(${adapted(command('curl '), at)})
    echo "$ANSWER"
    STREAM_KEY=$(echo "$ANSWER" | sed -E 's/.*"streamKey": ?"([^"]*)".*/\\1/')
    exec ${adapted(command('ffmpeg '), at)}`;
  const publisher = stage.child('/bin/bash', ['-c', script], { env, cwd: stage.folder, name: 'the README\'s publisher' });
  const id = await waitFor('the session of the README\'s commands', () => /"sessionId": ?"([^"]*)"/.exec(publisher.stdout.toString())?.[1]);
  await waitFor('it to be live', async () => (await request(`http://127.0.0.1:${http}/live/${id}/index.m3u8`)).status === 200);

  up.signal('SIGINT');
  const { code } = await up.ended(40_000);
  assert.equal(code, 0, up.stderr);
  await assert.rejects(request(`http://127.0.0.1:${http}/ready`), 'nothing answers any more');
}, { within: 300_000 });

async function runUp(env) {
  const { Child } = await import('./lib/child.js');
  const child = new Child('scripts/up', [], { env, cwd: repository });
  await child.ended(120_000);
  return child;
}

scenario('the roles in processes of their own carry a session, and the example settings are good', async (stage) => {
  const [http, srt, webrtc] = [await freePort(), await freePort(), await freePort()];
  const data = stage.dataDir();
  const env = {
    ...process.env, PORTHOLE_SRT_LISTEN: `127.0.0.1:${srt}`, PORTHOLE_WEBRTC_LISTEN: `127.0.0.1:${webrtc}`, PORTHOLE_LADDER: smallLadder,
    PORTHOLE_DATA_DIR: data,
  };
  const at = { http, srt };
  const start = async (begin, port) => {
    const own = await freePort();
    const line = adapted(command(begin), at).replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${own}`).replaceAll('unix:data/', `unix:${data}/`);
    const child = stage.child('/bin/bash', ['-c', `exec env ${line}`], { env, cwd: stage.folder, name: begin });
    const ready = `http://127.0.0.1:${port === 0 ? http : own}/ready`;
    await waitFor(`${begin} to be ready`, async () => {
      if (!child.running) throw new Error(child.stderr);
      return (await request(ready)).status === 200;
    });
  };
  await start('PORTHOLE_HTTP_LISTEN=0.0.0.0:8080', 0);
  await start('PORTHOLE_HTTP_LISTEN=127.0.0.1:8081', 8081);
  await start('PORTHOLE_HTTP_LISTEN=127.0.0.1:8082', 8082);
  const node = { env, url: `http://127.0.0.1:${http}`, srtPort: srt };
  const session = await stage.session(node);
  await stage.publish(session, srt);
  assert.equal((await session.multivariant()).variants.length, 2);

  const check = adapted(command('build/release/app/porthole config'), at);
  await run('/bin/bash', ['-c', check], { cwd: repository });
});
