import assert from 'node:assert/strict';
import { mediaFile, probe, sourceFile } from './lib/media.js';
import { loudness } from './lib/frames.js';
import { scenario } from './lib/stage.js';

const ladder = '240p30@300k';
const small = { size: '426x240', bitrate: '400k' };
const kinds = [
  { name: 'mono', audio: ['-c:a', 'aac', '-ac', '1', '-b:a', '64k'] },
  { name: '5.1', audio: ['-c:a', 'aac', '-ac', '6', '-b:a', '192k'] },
  { name: '44.1 kHz', audio: ['-c:a', 'aac', '-ar', '44100', '-b:a', '96k'], sampleRate: 44100 },
  { name: 'opus', audio: ['-c:a', 'libopus', '-b:a', '96k'] },
  { name: 'ac3', audio: ['-c:a', 'ac3', '-b:a', '128k'] },
  { name: 'mp2', audio: ['-c:a', 'mp2', '-b:a', '128k'] },
  { name: 'no audio', audio: null, isSilent: true },
  { name: 'late audio', audio: ['-af', 'adelay=6000:all=1', '-c:a', 'aac', '-b:a', '96k'] },
  { name: 'sound without a picture', hasNoPicture: true },
];

const fileOf = ({ audio, sampleRate, hasNoPicture }) =>
  hasNoPicture
    ? mediaFile('mkv', ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '20', '-c:a', 'aac'])
    : sourceFile({ ...small, audio, sampleRate });

async function check(stage, node, { name, isSilent, ...source }) {
  const session = await stage.session(node, { sub: name.replaceAll(' ', '-') });
  await stage.publish(session, node.srtPort, { file: await fileOf(source) });
  await session.multivariant();
  const rules = stage.rules(session);
  const { segments } = await session.segments('audio', 5);
  const file = await stage.download(session, 'audio', segments.at(-2).msn, segments.at(-1).msn);
  const { streams: [stream] } = await probe(file, ['-show_entries', 'stream=codec_name,profile,channels,sample_rate']);
  assert.deepEqual(stream, { codec_name: 'aac', profile: 'LC', channels: 2, sample_rate: '48000' }, name);
  const { mean } = await loudness(file);
  if (isSilent) assert.ok(mean < -85, `${name}: ${mean} dB`);
  else assert.ok(mean > -45 && mean < -10, `${name}: ${mean} dB`);
  await rules.hold(name);
  await stage.end(session);
}

for (let i = 0; i < kinds.length; i += 3) {
  const three = kinds.slice(i, i + 3);
  scenario(`AAC-LC stereo at 48 kHz comes of ${three.map((one) => one.name).join(', ')}`, async (stage) => {
    await Promise.all(three.map(fileOf));
    const node = await stage.node({ env: { PORTHOLE_LADDER: ladder, PORTHOLE_MOST_SESSIONS: '8' } });
    await Promise.all(three.map((one) => check(stage, node, one)));
  });
}
