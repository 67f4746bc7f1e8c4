import assert from 'node:assert/strict';
import { test } from 'node:test';

import { QualityMeter, type Sample } from '../src/player/quality_meter.ts';

const sample = (told: Partial<Sample>): Sample => ({ latencySeconds: null, bitsPerSecond: null, throughput: null, droppedFrames: null, ...told });

test('without a picture there is little to tell', () => {
  const meter = new QualityMeter();
  meter.opened(1000);
  meter.stateChanged('waiting', 1500);
  assert.deepEqual(meter.quality(3000), { bsa: 0, bsda: 0 });
});

test('stalls count after the first picture, also while one lasts', () => {
  const meter = new QualityMeter();
  meter.opened(1000);
  meter.stateChanged('playing', 1640);
  meter.stateChanged('waiting', 5000);
  meter.stateChanged('waiting', 5100);
  meter.stateChanged('playing', 6000);
  meter.stateChanged('waiting', 9000);
  assert.deepEqual(meter.quality(9500), { msd: 640, bsa: 2, bsda: 1500 });
  meter.opened(9600);
  meter.stateChanged('paused', 9700);
  meter.stateChanged('playing', 20_000);
  assert.deepEqual(meter.quality(30_000), { msd: 640, bsa: 2, bsda: 1700 });
});

test('the bitrate is the mean, the latency the median, the rest the last', () => {
  const meter = new QualityMeter();
  for (const latencySeconds of [1.8, 1.9, 1.7, 30, 500, 1.8, Number.NaN]) meter.sample(sample({ latencySeconds }));
  for (const bitsPerSecond of [3_000_000, 1_000_000, 0]) meter.sample(sample({ bitsPerSecond }));
  for (const throughput of [9e6, 21.4e6]) meter.sample(sample({ throughput, droppedFrames: 3 }));
  meter.sample(sample({ droppedFrames: 1 }));
  assert.deepEqual(meter.quality(0), { bsa: 0, bsda: 0, br: 2000, ltc: 1800, mtp: 21_400, dfa: 3 });
});
