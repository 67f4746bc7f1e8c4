// A real SMTP server in the test's process: TLS, login, and any trouble a scenario wants.
import fs from 'node:fs';
import path from 'node:path';
import smtp from 'smtp-server';
import { run } from './child.js';

/** A self-signed certificate for this machine: {key, cert, file}. */
export async function certificate(folder) {
  const key = path.join(folder, 'key.pem');
  const file = path.join(folder, 'cert.pem');
  if (!fs.existsSync(file)) {
    await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', file, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']);
  }
  return { key: fs.readFileSync(key), cert: fs.readFileSync(file), file };
}

/** The body of a quoted-printable part. */
const unquote = (text) =>
  Buffer.from(text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8');

/** Encoded words of a header (RFC 2047) as text. */
const decodeWords = (text) =>
  text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, base64) => `\x00${base64}\x00`).replace(/\x00([^\x00]*)\x00/g, (_, base64) => Buffer.from(base64, 'base64').toString('utf8'));

/** A message as its reader sees it: {headers, text, html}. */
export function parseMail(raw) {
  const [head, ...rest] = raw.split('\r\n\r\n');
  const headers = {};
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (name in headers) throw new Error(`${name} stands there twice`);
    headers[name] = decodeWords(line.slice(colon + 1).trim());
  }
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'])[1];
  const body = rest.join('\r\n\r\n');
  if (!body.trimEnd().endsWith(`--${boundary}--`)) throw new Error('the message is not whole');
  const parts = body.split(`--${boundary}`).slice(1, -1).map((part) => {
    const at = part.indexOf('\r\n\r\n');
    return { head: part.slice(0, at), body: unquote(part.slice(at + 4)) };
  });
  const of = (type) => parts.find((part) => part.head.includes(type)).body.replace(/\r\n/g, '\n');
  return { headers, text: of('text/plain'), html: of('text/html') };
}

export class MailRelay {
  constructor() {
    this.mails = []; // {from, to, raw, secure, user, at}
    this.logins = [];
  }

  /** `recipient`, `content` (address, count) may return an Error with responseCode, or a promise that never settles. */
  static async open(stage, { user, password, secure = false, port = 0, recipient, content, ...options } = {}) {
    const relay = new MailRelay();
    const { key, cert, file } = await certificate(stage.folder);
    relay.authorities = file;
    const seen = new Map();
    const asked = async (judge, address, done, value) => {
      const error = await judge?.(address, value);
      done(error ?? null);
    };
    relay.server = new smtp.SMTPServer({
      key,
      cert,
      secure,
      authOptional: !user,
      disabledCommands: user ? [] : ['AUTH'],
      onAuth: (auth, session, done) => {
        relay.logins.push({ user: auth.username, secure: session.secure });
        if (auth.username === user && auth.password === password) done(null, { user });
        else done(Object.assign(new Error('5.7.8 Authentication failed'), { responseCode: 535 }));
      },
      onRcptTo: (address, session, done) => {
        const count = (seen.get(address.address) ?? 0) + 1;
        seen.set(address.address, count);
        asked(recipient, address.address, done, count);
      },
      onData: (stream, session, done) => {
        const blocks = [];
        stream.on('data', (block) => blocks.push(block));
        stream.on('end', async () => {
          const raw = Buffer.concat(blocks).toString('latin1');
          const [{ address }] = session.envelope.rcptTo;
          const error = await content?.(address, relay.mails.length);
          if (!error) relay.mails.push({ from: session.envelope.mailFrom.address, to: address, raw, secure: session.secure, user: session.user, at: Date.now() });
          done(error ?? null);
        });
      },
      logger: false,
      ...options,
    });
    relay.server.on('error', () => {}); // connections that are cut, as the scenarios cut them
    await new Promise((resolve) => relay.server.listen(port, '127.0.0.1', resolve));
    relay.port = relay.server.server.address().port;
    const login = user ? `${encodeURIComponent(user)}:${encodeURIComponent(password)}@` : '';
    relay.url = `${secure ? 'smtps' : 'smtp'}://${login}localhost:${relay.port}`;
    relay.env = { PORTHOLE_SMTP_URL: relay.url, PORTHOLE_CA_FILE: file };
    if (password) stage.secrets.add(password);
    stage.after(() => relay.close());
    return relay;
  }

  to(address) {
    return this.mails.filter((mail) => mail.to === address);
  }

  close() {
    for (const connection of this.server.connections) connection.close();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A refusal as a relay gives it. */
export const refuse = (code, text) => Object.assign(new Error(text), { responseCode: code });
