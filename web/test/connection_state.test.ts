import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isFinal, step, type ConnectionEvent, type ConnectionState, type Refusal } from '../src/publish/connection_state.ts';

const idle: ConnectionState = { phase: 'idle' };
const refusal = (status: number | null, retryAfterMs = 0): Refusal => ({ status, detail: 'because', retryAfterMs });

/* The states that these events lead through; a number stands for a refusal with this status. */
function walk(...events: (ConnectionEvent['kind'] | number)[]): ConnectionState[] {
  let state = idle;
  return events.map((event) => {
    const happened: ConnectionEvent =
      typeof event === 'number' ? { kind: 'refused', refusal: refusal(event) } : event === 'refused' ? { kind: 'refused', refusal: refusal(0) } : { kind: event };
    return (state = step(state, happened, () => 1));
  });
}

const phases = (...events: (ConnectionEvent['kind'] | number)[]): string[] => walk(...events).map(({ phase }) => phase);

test('going live opens, and is live once connected', () => {
  assert.deepEqual(phases('go', 'connected'), ['opening', 'live']);
});

test('a break is mended on the same resource first, then by a fresh offer', () => {
  assert.deepEqual(phases('go', 'connected', 'broken', 'connected'), ['opening', 'live', 'mending', 'live']);
  assert.deepEqual(phases('go', 'connected', 'broken', 'failed', 'due', 'connected'), ['opening', 'live', 'mending', 'waiting', 'opening', 'live']);
  assert.deepEqual(phases('go', 'connected', 'broken', 404, 'due'), ['opening', 'live', 'mending', 'waiting', 'opening']);
});

test('the first fresh offer goes at once, the next after waits that grow to ten seconds', () => {
  const waits = walk('go', 'connected', 'failed', 'due', 0, 'due', 0, 'due', 0, 'due', 0, 'due', 0, 'due', 0).flatMap((state) =>
    state.phase === 'waiting' ? [state.waitMs] : [],
  );
  assert.deepEqual(waits, [300, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('half of a wait is random', () => {
  const opening = step(idle, { kind: 'go' });
  const wait = (random: number): number => {
    const state = step(opening, { kind: 'refused', refusal: refusal(0) }, () => random);
    return state.phase === 'waiting' ? state.waitMs : 0;
  };
  assert.deepEqual([wait(0), wait(1)], [1000, 2000]);
});

test('a server that says when to come again is heard, within reason', () => {
  const opening = step(idle, { kind: 'go' });
  const wait = (retryAfterMs: number): number => {
    const state = step(opening, { kind: 'refused', refusal: refusal(503, retryAfterMs) }, () => 1);
    return state.phase === 'waiting' ? state.waitMs : 0;
  };
  assert.deepEqual([wait(0), wait(7000), wait(3_600_000)], [2000, 7000, 60_000]);
});

test('what will be refused again is not tried again', () => {
  for (const status of [400, 401, 403, 404, 406, 410, 415, 422]) {
    assert.ok(isFinal(refusal(status)), String(status));
    assert.deepEqual(phases('go', status), ['opening', 'failed']);
  }
  for (const status of [null, 0, 408, 409, 429, 500, 502, 503]) assert.equal(isFinal(refusal(status)), false, String(status));
  assert.deepEqual(phases('go', 503, 'due', 'connected'), ['opening', 'waiting', 'opening', 'live']);
});

test('a network without a way for the picture is named, and tried again', () => {
  const [, waiting] = walk('go', 'failed');
  assert.deepEqual(waiting?.phase === 'waiting' && waiting.refusal, { status: null, detail: '', retryAfterMs: 0 });
});

test('stopping stops from everywhere, and a failed publication can be started again', () => {
  for (const events of [['go'], ['go', 'connected'], ['go', 'connected', 'broken'], ['go', 0], ['go', 401]] as const)
    assert.equal(walk(...events, 'stop').at(-1)?.phase, 'idle');
  assert.deepEqual(phases('go', 401, 'go'), ['opening', 'failed', 'opening']);
});

test('what comes late changes nothing', () => {
  const states: ConnectionState[] = [idle, { phase: 'failed', refusal: refusal(401) }];
  for (const state of states)
    for (const kind of ['connected', 'broken', 'failed', 'due'] as const) assert.equal(step(state, { kind }), state);
  const live = walk('go', 'connected').at(-1) ?? idle;
  for (const kind of ['go', 'connected', 'due'] as const) assert.equal(step(live, { kind }), live);
  const waiting = walk('go', 0).at(-1) ?? idle;
  for (const kind of ['go', 'connected', 'broken', 'failed'] as const) assert.equal(step(waiting, { kind }), waiting);
});
