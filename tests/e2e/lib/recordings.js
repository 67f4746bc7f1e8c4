// Recordings of a node's database, as if an archive had told of them.
import crypto from 'node:crypto';
import { sql } from './outbox.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
export const recordingId = () => [...crypto.randomBytes(26)].map((byte) => alphabet[byte & 31]).join('');

/** Adds a row; its id. */
export async function insertRecording(stage, { id = recordingId(), owner, title = 'Castle', kind = 'session', state = 'ready', durationMs = 3_600_000, storage = 'standard' }) {
  const ready = state === 'ready' ? Date.now() : 'NULL';
  await sql(stage, `INSERT INTO recordings (id, kind, session, source, owner, title, state, reason, from_ms, to_ms, duration_ms, bytes, total_bytes, width, height, has_poster, has_storyboard, storage, storage_ms, created_ms, ready_ms, lease_owner, lease_until_ms, attempts, turn_ms) VALUES ('${id}', '${kind}', '${id}', NULL, '${owner}', '${title}', '${state}', '', NULL, NULL, ${durationMs}, 1000, 2000, 1920, 1080, 1, 1, '${storage}', NULL, ${Date.now()}, ${ready}, '', 0, 0, NULL)`);
  return id;
}
