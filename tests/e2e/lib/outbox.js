// A look into a node's outbox, and profiles with guardians for it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { run } from './child.js';
import { request } from './http.js';

/** Runs SQL on a node's database, columns of an answer separated by |. */
export async function sql(stage, text) {
  if (stage.database) return stage.database.query(text);
  const program = 'import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],timeout=10)\nfor s in sys.argv[2].split(";\\n"):\n  for r in d.execute(s): print("|".join(map(str,r)))\nd.commit()';
  const { stdout } = await run('python3', ['-c', program, path.join(stage.dataDir(), 'porthole.db'), text]);
  return stdout.toString('utf8').trim();
}

export async function putProfile(stage, node, sub, displayName, guardians) {
  const token = await stage.token(node, { role: 'admin', sub: 'admin' });
  const answer = await request(`${node.url}/api/profiles/${encodeURIComponent(sub)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ displayName, guardians }),
  });
  assert.ok(answer.status < 300, answer.text);
  for (const guardian of guardians) if (guardian.mail) stage.secrets.add(guardian.mail);
}

export const guardian = (subject, mail, language = 'en', wants = ['started', 'ended', 'recording']) => ({ subject, mail, language, wants });
