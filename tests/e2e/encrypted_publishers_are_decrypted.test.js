// Runs beside others: it needs little of the machine.
import assert from 'node:assert/strict';
import { loopArguments, sourceFile, srtUrl } from './lib/media.js';
import { scenario } from './lib/stage.js';
import { waitFor } from './lib/wait.js';

for (const bytes of [16, 32]) {
  scenario(`AES-${bytes * 8} with the session's passphrase publishes, and a wrong passphrase does not`, async (stage) => {
    const node = await stage.node();
    const session = await stage.session(node, { body: { visibility: 'public', encryption: true } });
    const { passphrase } = session.answer.ingest.srt;
    assert.ok(passphrase?.length >= 10, 'the answer holds a passphrase');
    const attempt = async (options) => {
      const args = loopArguments(await sourceFile(), srtUrl(node.srtPort, session.key, options));
      return stage.child('ffmpeg', args, { name: 'encrypted publisher' });
    };
    for (const options of [{ passphrase: 'not the right one', pbkeylen: String(bytes) }, {}]) {
      assert.notEqual((await (await attempt(options)).ended()).code, 0, 'refused');
    }
    const publisher = await attempt({ passphrase, pbkeylen: String(bytes) });
    assert.equal((await session.multivariant()).variants.length, 2);
    await waitFor('it to go on', () => publisher.running);
  });
}
