import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ConnectionState } from '../src/publish/connection_state.ts';
import { faultWords, refusalWords, timerText, viewOf, type Situation, type View } from '../src/publish/view.ts';

const ready: Situation = {
  connection: { phase: 'idle' }, source: 'camera', picture: 'there', hasSound: true, fault: null, hasKey: true, starting: false, startRefusal: null, streamedMs: null, online: true,
};

const view = (change: Partial<Situation>): View => viewOf({ ...ready, ...change });

test('one can go live with a picture and a key, and not before', () => {
  assert.deepEqual([view({}).heading, view({}).action, view({}).actionEnabled], ['Ready', 'go', true]);
  assert.deepEqual([view({ picture: 'none' }).heading, view({ picture: 'none' }).actionEnabled], ['First, a picture', false]);
  assert.deepEqual([view({ hasKey: false }).heading, view({ hasKey: false }).actionEnabled], ['Now the stream key', false]);
  assert.equal(view({ starting: true }).actionEnabled, false);
});

test('from going live to stopping the button stops, and the key is out of sight', () => {
  const states: ConnectionState[] = [
    { phase: 'opening', attempt: 0, wasLive: false }, { phase: 'live' }, { phase: 'mending' },
    { phase: 'waiting', attempt: 1, wasLive: true, waitMs: 1000, refusal: null },
  ];
  for (const connection of states) {
    const { action, actionEnabled, showsSetup, badge } = view({ connection });
    assert.deepEqual([action, actionEnabled, showsSetup, badge !== ''], ['stop', true, false, true], connection.phase);
  }
});

test('being live is said, with or without sound', () => {
  assert.deepEqual([view({ connection: { phase: 'live' } }).heading, view({ connection: { phase: 'live' } }).badge, view({ connection: { phase: 'live' } }).mood], ['You are live', 'Live', 'live']);
  assert.match(view({ connection: { phase: 'live' }, hasSound: false }).text, /without sound/);
});

test('a wait says what it waits for', () => {
  const waiting = (status: number | null, detail = ''): ConnectionState => ({ phase: 'waiting', attempt: 2, wasLive: false, waitMs: 1, refusal: { status, detail, retryAfterMs: 0 } });
  assert.equal(view({ connection: waiting(0) }).heading, 'The server cannot be reached');
  assert.equal(view({ connection: waiting(null) }).heading, 'The network lets no picture through');
  assert.equal(view({ connection: waiting(503, 'All workers are busy.') }).text, 'All workers are busy.');
  assert.equal(view({ connection: waiting(0), online: false }).heading, 'You are offline');
});

test('a refusal stays until something is changed, with the server’s own reason', () => {
  const refused = view({ connection: { phase: 'failed', refusal: { status: 401, detail: 'The key has ended.', retryAfterMs: 0 } } });
  assert.deepEqual([refused.heading, refused.text, refused.mood, refused.action, refused.actionEnabled, refused.showsSetup], ['The stream key is not right', 'The key has ended.', 'trouble', 'go', true, true]);
});

test('every refusal has words', () => {
  const headings = [null, 0, 400, 401, 403, 404, 409, 410, 415, 429, 500, 503].map((status) => refusalWords({ status, detail: '', retryAfterMs: 0 }));
  for (const { heading, text } of headings) assert.ok(heading !== '' && text !== '');
  assert.equal(new Set(headings.map(({ heading }) => heading)).size, 11, '400 and 415 are the same to a person');
});

test('every fault has words, for every device', () => {
  for (const device of ['camera', 'microphone', 'screen'] as const)
    for (const fault of ['insecure', 'incapable', 'unsupported', 'refused', 'forbidden', 'missing', 'busy'] as const) {
      const { heading, text } = faultWords(device, fault);
      assert.ok(heading !== '' && text !== '');
    }
  assert.equal(faultWords('screen', 'refused').heading, 'No screen was chosen');
});

test('a fault stands where the picture would be; the button to try again stays where trying helps', () => {
  const refused = view({ picture: 'none', fault: { device: 'camera', fault: 'refused' } });
  assert.deepEqual([refused.placeholder?.heading, refused.offersPicture, refused.mood], ['The camera is blocked', true, 'trouble']);
  assert.equal(view({ picture: 'none', fault: { device: 'camera', fault: 'insecure' } }).offersPicture, false);
  assert.equal(view({ picture: 'none', source: 'screen', fault: { device: 'camera', fault: 'incapable' } }).offersPicture, false);
  assert.equal(view({ picture: 'none', source: 'screen', fault: { device: 'screen', fault: 'unsupported' } }).offersPicture, false);
  assert.equal(view({ picture: 'asking' }).offersPicture, false);
});

test('a microphone that fails takes no picture away', () => {
  const silent = view({ hasSound: false, fault: { device: 'microphone', fault: 'missing' } });
  assert.deepEqual([silent.placeholder, silent.heading, silent.actionEnabled], [null, 'No microphone was found', true]);
});

test('a session that may not be started leads to a pasted key', () => {
  const refused = view({ startRefusal: { status: 403, detail: '', retryAfterMs: 0 }, hasKey: false });
  assert.match(refused.text, /stream key/);
});

test('a stopped publication says that nobody watches any more', () => {
  assert.equal(view({ streamedMs: 61_000 }).heading, 'You are no longer live');
});

test('time is told as on a clock', () => {
  assert.deepEqual([timerText(-5), timerText(7400), timerText(760_000), timerText(3_723_000)], ['0:00', '0:07', '12:40', '1:02:03']);
});
