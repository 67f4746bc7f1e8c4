// Credentials with a session token that a real server gives out, and takes for as long as a test likes: it gives them for a quarter
// of an hour at least, but what it reads again when they are used is in the token, sealed by a key of the server's own folder.
import crypto from 'node:crypto';

const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');
const keyed = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const vector = Buffer.from('cephsageyudagreg'); // radosgw's, for all that it seals

export class SessionTokens {
  constructor(s3) {
    this.s3 = s3;
    this.key = Buffer.from(s3.line('token-key'));
  }

  /** The user may ask for tokens, and may do with them what it may without. */
  async allow() {
    const statement = { Effect: 'Allow', Action: ['sts:GetSessionToken', 's3:*'], Resource: '*' };
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const answer = await this.#ask('iam', { Action: 'PutUserPolicy', UserName: 'porthole', PolicyName: 'tokens', PolicyDocument: policy, Version: '2010-05-08' });
    if (answer.status !== 200) throw new Error(`PutUserPolicy: ${answer.status} ${answer.text}`);
  }

  /** As an endpoint for credentials answers: they are taken for so many seconds. */
  async make(seconds) {
    const { status, text } = await this.#ask('sts', { Action: 'GetSessionToken', DurationSeconds: '900', Version: '2011-06-15' });
    if (status !== 200) throw new Error(`GetSessionToken: ${status} ${text}`);
    const field = (name) => new RegExp(`<${name}>([^<]*)<`).exec(text)[1];
    const expires = new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000).toISOString();
    return {
      AccessKeyId: field('AccessKeyId'),
      SecretAccessKey: field('SecretAccessKey'),
      Token: this.#endAt(field('SessionToken'), field('Expiration'), expires.replace('.000Z', '.000000000Z')),
      Expiration: expires,
    };
  }

  /** What the server answers to a listing of the bucket with these. */
  async status({ AccessKeyId, SecretAccessKey, Token }) {
    const signer = { access: AccessKeyId, secret: SecretAccessKey, service: 's3' };
    const answer = await this.#send(signer, 'GET', '/porthole', '', { 'x-amz-security-token': Token });
    return answer.status;
  }

  #endAt(token, was, becomes) {
    const opening = crypto.createDecipheriv('aes-128-cbc', this.key, vector);
    const plain = Buffer.concat([opening.update(Buffer.from(token, 'base64')), opening.final()]);
    const at = plain.indexOf(was);
    if (at < 0 || was.length !== becomes.length) throw new Error('the token does not say when it expires');
    plain.write(becomes, at, 'latin1');
    const sealing = crypto.createCipheriv('aes-128-cbc', this.key, vector);
    return Buffer.concat([sealing.update(plain), sealing.final()]).toString('base64');
  }

  #ask(service, fields) {
    const signer = { access: this.s3.line('access-key'), secret: this.s3.line('secret-key'), service };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#send(signer, 'POST', '/', new URLSearchParams(fields).toString(), headers);
  }

  async #send({ access, secret, service }, method, path, body, further) {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const headers = { ...further, host: new URL(this.s3.endpoint).host, 'x-amz-content-sha256': sha256(body), 'x-amz-date': date };
    const names = Object.keys(headers).sort();
    const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
    const canonical = [method, path, '', lines, names.join(';'), sha256(body)].join('\n');
    const scope = [date.slice(0, 8), 'us-east-1', service, 'aws4_request'];
    const key = scope.reduce(keyed, `AWS4${secret}`);
    const signature = keyed(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n')).toString('hex');
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${access}/${scope.join('/')},SignedHeaders=${names.join(';')},Signature=${signature}`;
    delete headers.host;
    const answer = await fetch(this.s3.endpoint + path, { method, headers, ...(body && { body }) });
    return { status: answer.status, text: await answer.text() };
  }
}
