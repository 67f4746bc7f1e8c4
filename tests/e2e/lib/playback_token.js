// Playback tokens as the API makes them (core/media/playback_token.h), for tokens that it would not give out.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const sign = (secret, text, characters) => crypto.createHmac('sha256', secret).update(text).digest('base64url').slice(0, characters);

export const clusterSecret = (node) => fs.readFileSync(path.join(node.dataDir, 'cluster_secret'), 'utf8').trim();

/** A token of `session` for `subject`; times are UTC seconds. */
export function makePlaybackToken(secret, { session, subject = 'mum', viewer = '0', issued = Math.floor(Date.now() / 1000), expires = issued + 300 }) {
  const claims = `${issued}.${expires}.${viewer}.${sign(secret, `holder:${subject}`, 16)}`;
  return `${claims}.${sign(secret, `playback:${session}:${claims}`, 22)}`;
}
