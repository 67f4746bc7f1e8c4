// Runs beside others from the start: it takes minutes, and little of the machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { FakePublisher } from './lib/fake_publisher.js';
import { fetchWhole, request } from './lib/http.js';
import { insertRecording } from './lib/recordings.js';
import { SessionTokens } from './lib/session_tokens.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

const secret = 'one-secret-for-the-fake-publisher-and-the-origin';
const rest = { PORTHOLE_CLUSTER_SECRET: secret, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };

/** A node with other credentials than the server's first, and a session of it, published segment by segment. */
async function begin(stage, env) {
  const node = await stage.node({ roles: 'origin,api', env: { ...rest, ...env } });
  const session = await stage.session(node);
  await insertRecording(stage, { id: session.id, owner: 'streamer-1', state: 'recording' });
  const publisher = new FakePublisher({ origin: node.url, session: session.id, secret, partMs: 200, segmentMs: 1000 });
  stage.after(() => publisher.close());
  await publisher.announce();
  let segments = 0;
  /** Publishes some more segments, and waits until all of them are in the bucket. */
  const publish = async (more, within = 60_000) => {
    for (let part = 5 * segments; part < 5 * (segments + more); part++) {
      for (const track of publisher.tracks) assert.ok((await publisher.send(track, part)) < 300, `part ${part} of ${track.name} is taken`);
    }
    segments += more;
    await waitFor(`${segments} segments to be in the bucket`, async () => (await node.metric('porthole_archive_uploads_total')) === 3 * segments, { within });
  };
  /** Ends the session; its recording has every segment. */
  const finish = async (s3) => {
    await publisher.end();
    const prefix = `recordings/${session.id}`;
    await waitFor('the recording', async () => (await s3.list(prefix)).has(`${prefix}/recording.json`), { within: 60_000, every: 300 });
    const objects = [...(await s3.list(prefix)).keys()].filter((key) => key.endsWith('.m4s'));
    assert.equal(objects.length, 3 * segments);
    assert.equal(await node.metric('porthole_archive_lost_segments_total'), 0);
  };
  return { node, session, publish, finish };
}

/** A container's endpoint for credentials. */
async function endpoint(stage, give) {
  const given = [];
  const server = http.createServer(async (incoming, outgoing) => {
    if (incoming.headers.authorization !== 'the pod') return outgoing.writeHead(401).end();
    const credentials = await give();
    for (const one of [credentials.SecretAccessKey, credentials.Token]) stage.secrets.add(one);
    given.push(credentials);
    return outgoing.end(JSON.stringify(credentials));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.after(() => server.close());
  const token = path.join(stage.folder, 'pod-token');
  fs.writeFileSync(token, 'the pod\n');
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${server.address().port}/v1/credentials`, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token,
  };
  return { given, env };
}

scenario('session tokens expire again and again under a session: none is used too long, nothing waits, nothing is lost', async (stage) => {
  const s3 = await stage.s3({ tokens: true });
  const tokens = new SessionTokens(s3);
  await tokens.allow();
  const { given, env } = await endpoint(stage, () => tokens.make(8));
  const { node, session, publish, finish } = await begin(stage, env);
  while (given.length < 4) {
    const before = given.length;
    await publish(5);
    await waitFor('other credentials', async () => given.length > before);
  }
  assert.equal(await tokens.status(given[0]), 403, 'the first have really expired');
  await publish(5);
  await finish(s3);
  assert.equal(await node.metric('porthole_archive_failures_total'), 0, 'nothing ever had to be tried again');
  assert.equal(await node.metric('porthole_store_credentials_missing'), 0);

  const headers = { authorization: `Bearer ${session.token}`, accept: 'application/json' };
  const asked = () => request(`${node.url}/api/recordings/${session.id}/download`, { headers });
  const answer = await waitFor('the download', async () => {
    const one = await asked();
    return one.status === 200 && one;
  });
  const { url, expiresAt } = answer.json;
  stage.secrets.add(url);
  const query = new URL(url).searchParams;
  const used = given.find(({ Token }) => Token === query.get('X-Amz-Security-Token'));
  assert.ok(used, 'the address carries a token that was given');
  assert.ok(Number(query.get('X-Amz-Expires')) <= 9 && expiresAt <= Date.parse(used.Expiration) + 1000, 'it does not outlive its token');
  assert.equal((await fetchWhole(url)).status, 200);
  await waitFor('the address to expire', async () => (await request(url)).status === 403);
}, { within: 90_000 });

scenario('a token that the server refuses before its time is renewed', async (stage) => {
  const s3 = await stage.s3({ tokens: true });
  const tokens = new SessionTokens(s3);
  await tokens.allow();
  let lies = 1;
  const { given, env } = await endpoint(stage, async () => {
    const made = await tokens.make(lies ? 2 : 600);
    return lies-- > 0 ? { ...made, Expiration: new Date(Date.now() + 3_600_000).toISOString() } : made;
  });
  const { publish, finish } = await begin(stage, env);
  await publish(5);
  await waitFor('the first token to expire', async () => (await tokens.status(given[0])) === 403);
  await publish(5, 40_000);
  assert.equal(given.length, 2);
  await finish(s3);
}, { within: 90_000 });

scenario('the key of a credentials file is changed and the old one removed under a session', async (stage) => {
  const s3 = await stage.s3();
  const file = path.join(stage.folder, 'credentials');
  const write = (key, value) => {
    stage.secrets.add(value);
    fs.writeFileSync(`${file}.new`, `[default]\nregion = nowhere\n\n[archive]\naws_access_key_id = ${key}\naws_secret_access_key = ${value}\n`);
    fs.renameSync(`${file}.new`, file);
  };
  await s3.addKey('FIRSTKEY', 'the-first-secret');
  await s3.addKey('SECONDKEY', 'the-second-secret');
  write('FIRSTKEY', 'the-first-secret');
  const { node, publish, finish } = await begin(stage, { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'archive' });
  await publish(5);
  write('SECONDKEY', 'the-second-secret');
  await s3.removeKey('FIRSTKEY');
  await publish(5);
  await finish(s3);
  assert.equal(await node.metric('porthole_store_credentials_missing'), 0);
}, { within: 60_000 });
