// A receiver of webhooks as somebody would write it from the description: checks each signature.
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

export class WebhookReceiver {
  constructor() {
    this.deliveries = []; // {id, event, body, headers, at}
    this.secrets = new Map();
    this.requests = 0;
  }

  /** `answer(request, response, text)` may do what it likes; undefined answers 200 to what is signed well. */
  static async open(stage, { answer, tls } = {}) {
    const receiver = new WebhookReceiver();
    const take = (request, response) => {
      const blocks = [];
      request.on('error', () => {});
      request.on('data', (block) => blocks.push(block));
      request.on('end', () => {
        receiver.requests += 1;
        const text = Buffer.concat(blocks).toString('utf8');
        if (answer?.(request, response, text)) return;
        receiver.check(request, text);
        response.writeHead(200).end('ok');
      });
    };
    receiver.server = tls ? https.createServer(tls, take) : http.createServer(take);
    await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.url = `${tls ? 'https' : 'http'}://127.0.0.1:${receiver.server.address().port}`;
    stage.after(() => {
      receiver.server.closeAllConnections?.();
      receiver.server.close();
    });
    return receiver;
  }

  check(request, text) {
    const secret = this.secrets.get(request.url);
    const [, time, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers['porthole-signature']);
    assert.ok(Math.abs(Date.now() / 1000 - Number(time)) < 300, 'fresh');
    const expected = createHmac('sha256', secret).update(`${time}.${text}`).digest();
    assert.ok(timingSafeEqual(Buffer.from(given, 'hex'), expected), 'signed');
    const body = JSON.parse(text);
    assert.equal(request.headers['porthole-event'], body.event);
    assert.equal(request.headers['porthole-delivery'], body.id);
    this.deliveries.push({ ...body, path: request.url, at: Date.now() });
  }
}
