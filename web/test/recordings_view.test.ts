import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeRecording, decodeRecordingPage, type Recording } from '../src/api/recordings.ts';
import { bearerOf } from '../src/api/token.ts';
import { sizeText } from '../src/lib/size_text.ts';
import { clockText, parseClock } from '../src/lib/time_text.ts';
import { uploadFault, uploadRefusal } from '../src/recordings/upload_text.ts';
import { cutFault, factsText, mayDelete, mayUpload, recordingView, troubleOf } from '../src/recordings/view.ts';

const answer = {
  id: 'abc', sessionId: 'abc', owner: 'anna', title: 'Castle', kind: 'session', state: 'ready', reason: null, durationMs: 1_804_000, bytes: 1_012_345_678,
  createdAt: 1_795_269_900_000, storage: 'standard', posterUrl: '/vod/abc/poster.jpg?token=1', storyboardUrl: null,
  playback: { hls: '/vod/abc/index.m3u8', page: '/recordings?recording=abc', token: '1', expiresAt: 1_795_271_900_000 },
};
const made = (fields: object): Recording => {
  const recording = decodeRecording({ ...answer, ...fields });
  assert.ok(recording);
  return recording;
};

test('a recording is decoded; one that is deleted or unknown is left out of a page', () => {
  assert.equal(made({}).playlist, '/vod/abc/index.m3u8');
  assert.equal(made({ bytes: 0 }).bytes, null);
  const page = decodeRecordingPage({ recordings: [answer, { ...answer, state: 'deleting' }, 7, { id: 'x' }], next: 'more' });
  assert.deepEqual([page.recordings.length, page.next], [1, 'more']);
  assert.throws(() => decodeRecordingPage({}));
});

test('each state says what can be done', () => {
  assert.equal(recordingView(made({})).canPlay, true);
  assert.equal(recordingView(made({ storage: 'infrequent' })).canPlay, true);
  const archived = recordingView(made({ storage: 'archived' }));
  assert.deepEqual([archived.canPlay, archived.canRestore, archived.badge], [false, true, 'Deep archive']);
  assert.equal(recordingView(made({ storage: 'restoring' })).canRestore, false);
  assert.equal(recordingView(made({ storage: 'restored' })).canPlay, true);
  assert.equal(recordingView(made({ state: 'recording' })).watchLive, true);
  assert.equal(recordingView(made({ state: 'processing', kind: 'clip' })).tone, 'busy');
  assert.equal(recordingView(made({ state: 'failed', reason: 'It ends in the middle.' })).text, 'It ends in the middle.');
});

test('only its owner and admins are offered to delete, only who streams to upload', () => {
  const recording = made({});
  assert.equal(mayDelete({ subject: 'anna', role: 'streamer' }, recording), true);
  assert.equal(mayDelete({ subject: 'mum', role: 'viewer' }, recording), false);
  assert.equal(mayDelete({ subject: 'boss', role: 'admin' }, recording), true);
  assert.equal(mayDelete(null, recording), false);
  assert.deepEqual([mayUpload({ subject: 'anna', role: 'streamer' }), mayUpload({ subject: 'mum', role: 'viewer' }), mayUpload(null)], [true, false, false]);
});

test('a token tells whom it speaks for, and nonsense nothing', () => {
  const claims = Buffer.from(JSON.stringify({ sub: 'Zoë', role: 'viewer' })).toString('base64url');
  assert.deepEqual(bearerOf(`h.${claims}.s`), { subject: 'Zoë', role: 'viewer' });
  assert.equal(bearerOf('h.%%%.s'), null);
  assert.equal(bearerOf(null), null);
});

test('facts name date, kind and size', () => {
  assert.match(factsText(made({}), 'short'), /2026 · 1\.0\u00a0GB$/);
  assert.match(factsText(made({ kind: 'clip', bytes: null }), 'short'), / · Clip$/);
});

test('sizes are short', () => {
  assert.deepEqual([0, 999, 1000, 640_400, 9_940_000, 999_600_000, 1_250_000_000_000].map((bytes) => sizeText(bytes).replace('\u00a0', ' ')),
    ['0 B', '999 B', '1 kB', '640 kB', '9.9 MB', '1.0 GB', '1.3 TB']);
});

test('moments are written and read', () => {
  assert.deepEqual([0, 7_900, 760_000, 3_760_000].map(clockText), ['0:00', '0:07', '12:40', '1:02:40']);
  assert.deepEqual(['7', '0:07', '1:02:40', '12:40.5', ' 1:05 ', '0:01,25'].map(parseClock), [7000, 7000, 3_760_000, 760_500, 65_000, 1250]);
  assert.deepEqual(['', 'x', '1:', '-1', '1:2:3:4', '1e3'].map(parseClock), [null, null, null, null, null, null]);
});

test('a clip lasts from a second to an hour, within the recording', () => {
  assert.equal(cutFault(0, 1000, 5000), '');
  assert.match(cutFault(null, 1000, 5000), /minutes and seconds/);
  assert.match(cutFault(2000, 2000, 5000), /end after/);
  assert.match(cutFault(2000, 2900, 5000), /second at least/);
  assert.match(cutFault(0, 3_700_000, 4_000_000), /hour at most/);
  assert.match(cutFault(0, 7000, 5000), /after the end/);
});

test('files that cannot be recordings are not tried, and each refusal has words', () => {
  assert.equal(uploadFault({ name: 'a.MP4', size: 5, type: '' }), '');
  assert.match(uploadFault({ name: 'a.txt', size: 5, type: 'text/plain' }), /no MP4/);
  assert.match(uploadFault({ name: 'a.mp4', size: 0, type: 'video/mp4' }), /empty/);
  assert.match(uploadFault({ name: 'a.mp4', size: 5e8 + 1, type: 'video/mp4' }), /500 MB/);
  assert.equal(uploadRefusal(0).final, false);
  assert.equal(uploadRefusal(415).final, true);
});

test('what hides a recording is told apart', () => {
  assert.match(troubleOf(404, 'one').heading, /no such/);
  assert.match(troubleOf(410, 'one').heading, /deleted/);
  assert.match(troubleOf(401, 'list').heading, /invitation/);
  assert.match(troubleOf(0, 'list').heading, /reached/);
});
