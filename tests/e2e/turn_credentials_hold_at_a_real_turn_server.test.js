// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import path from 'node:path';
import { run } from './lib/child.js';
import { freePort } from './lib/ports.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 'turn-secret-of-this-test-0123456789';

/** Asks the TURN server for a relay and sends a packet through it; fails when the credentials do not hold. */
const relay = (port, username, credential) =>
  run('turnutils_uclient', ['-y', '-c', '-n', '1', '-m', '1', '-l', '100', '-p', String(port), '-u', username, '-w', credential, '127.0.0.1'], { within: 20_000 });

scenario('the TURN credentials of a session hold at coturn, and others do not', async (stage) => {
  const port = await freePort();
  const folder = stage.dataDir('turn');
  const server = stage.child('turnserver', ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--no-tls', '--no-dtls',
    '--no-cli', '--use-auth-secret', `--static-auth-secret=${secret}`, '--realm=porthole', '--allow-loopback-peers', '--log-file=stdout', '--simple-log',
    `--userdb=${path.join(folder, 'turndb')}`, `--pidfile=${path.join(folder, 'pid')}`], { name: 'turnserver' });
  const node = await stage.node({
    env: { PORTHOLE_TURN_URLS: `turn:127.0.0.1:${port}?transport=udp,stun:127.0.0.1:${port}`, PORTHOLE_TURN_SECRET: secret },
  });
  const { iceServers } = (await stage.session(node)).answer;
  assert.deepEqual(iceServers.map(({ urls }) => urls), [[`turn:127.0.0.1:${port}?transport=udp`], [`stun:127.0.0.1:${port}`]]);
  const [{ username, credential }, stun] = iceServers;
  stage.secrets.add(credential);
  assert.equal(stun.credential, undefined);
  assert.ok(Number(username.split(':')[0]) > Date.now() / 1000 + 3600, 'for hours to come');
  await waitFor('the TURN server', () => relay(port, username, credential), { within: 60_000 });
  await assert.rejects(relay(port, username, `${credential}x`), 'a wrong password');
  await assert.rejects(relay(port, username.replace(/^\d+/, '1'), credential), 'a name that has expired');
  assert.ok(server.running);
}, { within: 45_000 });
