import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventParser } from '../src/lib/event_parser.ts';

test('events come out whole however the stream is cut', () => {
  const stream = 'id: 7\nevent: chat\ndata: {"a":1}\n\n:\n\nevent: viewers\ndata: 2\n\n';
  for (let cut = 1; cut < stream.length; cut++) {
    const parser = new EventParser();
    const events = [...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))];
    assert.deepEqual(events, [
      { type: 'chat', data: '{"a":1}', id: '7' },
      { type: 'viewers', data: '2', id: '7' },
    ]);
  }
});

test('carriage returns, several data lines, fields without values and unknown ones are as the standard says', () => {
  const parser = new EventParser();
  const events = parser.push('data: one\r\ndata:two\r\nretry: 5\r\nwhat\r\n\r\nevent: none\n\nid\ndata\n\nid: a\0b\ndata: x\n\n');
  assert.deepEqual(events, [
    { type: 'message', data: 'one\ntwo', id: null },
    { type: 'message', data: '', id: '' },
    { type: 'message', data: 'x', id: '' },
  ]);
});

test('what has not ended is no event', () => {
  assert.deepEqual(new EventParser().push('event: chat\ndata: {"a":1}\n'), []);
});
