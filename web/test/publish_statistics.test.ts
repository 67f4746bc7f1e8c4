import assert from 'node:assert/strict';
import { test } from 'node:test';

import { figureTexts, hintOf, noFigures, Statistics, type Report } from '../src/publish/statistics.ts';

/* A report as a browser gives it, `seconds` after the start. */
function report(seconds: number, change: Record<string, Record<string, unknown>> = {}): Report {
  const entries: Record<string, Record<string, unknown>> = {
    v: { type: 'outbound-rtp', kind: 'video', bytesSent: seconds * 500_000, packetsSent: seconds * 400, framesPerSecond: 30, frameWidth: 1920, frameHeight: 1080, codecId: 'c', qualityLimitationReason: 'none' },
    a: { type: 'outbound-rtp', kind: 'audio', bytesSent: seconds * 12_500, packetsSent: seconds * 50 },
    c: { type: 'codec', mimeType: 'video/H264' },
    t: { type: 'transport', selectedCandidatePairId: 'p' },
    p: { type: 'candidate-pair', localCandidateId: 'l', currentRoundTripTime: 0.042 },
    l: { type: 'local-candidate', protocol: 'udp' },
    r: { type: 'remote-inbound-rtp', kind: 'video', packetsLost: seconds * 9 },
  };
  return Object.entries(entries).map(([id, entry]) => [id, { ...entry, ...change[id] }] as const);
}

test('rates are differences; the rest is as it stands', () => {
  const statistics = new Statistics();
  const first = statistics.look(report(1), 1000);
  assert.deepEqual([first.bitrate, first.lossPercent, first.frameRate], [null, null, 30]);
  assert.deepEqual(statistics.look(report(2), 2000), {
    bitrate: 4_100_000, frameRate: 30, width: 1920, height: 1080, roundTripMs: 42, lossPercent: 2, codec: 'H.264', transport: 'UDP', limitedBy: null,
  });
});

test('losses are those of the last seconds', () => {
  const statistics = new Statistics();
  for (let second = 1; second <= 10; second++) statistics.look(report(second, { r: { packetsLost: second < 4 ? second * 45 : 180 } }), second * 1000);
  assert.equal(statistics.look(report(11, { r: { packetsLost: 180 } }), 11_000).lossPercent, 0);
});

test('a report that says little gives what it can', () => {
  assert.deepEqual(new Statistics().look([], 0), noFigures);
  assert.equal(new Statistics().look(report(1, { t: { selectedCandidatePairId: undefined }, p: { nominated: true } }), 0).transport, 'UDP');
  assert.equal(new Statistics().look(report(1, { v: { framesPerSecond: 'x' } }), 0).frameRate, null);
});

test('figures are shown in the units of people', () => {
  assert.deepEqual(figureTexts({ bitrate: 4_130_000, frameRate: 29.7, width: 1280, height: 720, roundTripMs: 41.6, lossPercent: 0.31, codec: 'VP8', transport: 'TCP', limitedBy: null }), {
    bitrate: '4.1 Mbit/s', picture: '1280×720', frames: '30 fps', delay: '42 ms', loss: '0.3 %', codec: 'VP8 over TCP',
  });
  assert.deepEqual(new Set(Object.values(figureTexts(noFigures))), new Set(['–']));
});

test('a hint names the worst, and nothing when all is well', () => {
  const well = { ...noFigures, frameRate: 30, lossPercent: 1, roundTripMs: 30 };
  assert.equal(hintOf(well, 30), null);
  assert.match(hintOf({ ...well, lossPercent: 12, limitedBy: 'bandwidth' }, 30) ?? '', /loses/);
  assert.match(hintOf({ ...well, limitedBy: 'cpu' }, 30) ?? '', /device is too slow/);
  assert.match(hintOf({ ...well, limitedBy: 'bandwidth' }, 30) ?? '', /network is slow/);
  assert.match(hintOf({ ...well, frameRate: 12 }, 30) ?? '', /light/);
  assert.equal(hintOf({ ...well, frameRate: 0 }, 30), null);
});
