// The API's description: its operations, and what it says of their answers.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { repository } from './media.js';

export const file = path.join(repository, 'api/openapi.yaml');
const methods = ['get', 'put', 'post', 'patch', 'delete'];

export class Description {
  constructor(text) {
    this.document = parse(text);
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats(this.ajv);
    this.ajv.addSchema({ $id: 'api', ...this.document });
    this.operations = new Map();
    for (const [at, item] of Object.entries(this.document.paths)) {
      for (const method of methods) {
        if (item[method]) this.operations.set(item[method].operationId, { at, method: method.toUpperCase(), ...item[method], exercised: 0 });
      }
    }
  }

  static read(text = fs.readFileSync(file, 'utf8')) {
    return new Description(text);
  }

  resolve(node) {
    if (!node?.$ref) return node;
    return node.$ref.slice(2).split('/').reduce((found, key) => found[key.replaceAll('~1', '/').replaceAll('~0', '~')], this.document);
  }

  /** The bodies that the description gives as examples: [{type, value}]. */
  examples({ requestBody }) {
    const content = this.resolve(requestBody)?.content ?? {};
    return Object.entries(content).flatMap(([type, { example, examples = {} }]) =>
      [example, ...Object.values(examples).map((one) => this.resolve(one).value)].filter((value) => value !== undefined).map((value) => ({ type, value })));
  }

  /** Every JSON example of an answer against its own schema. */
  checkAnswerExamples(id) {
    for (const [status, given] of Object.entries(this.operations.get(id).responses)) {
      for (const { schema, example, examples = {} } of Object.values(this.resolve(given).content ?? {})) {
        for (const value of [example, ...Object.values(examples).map((one) => one.value)]) if (value !== undefined) this.#hold(schema, value, `${id} ${status}: example`);
      }
    }
  }

  #hold(schema, value, what) {
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));
    const validate = this.ajv.compile(absolute);
    assert.ok(validate(value), `${what}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value).slice(0, 400)}`);
  }

  /** Fails unless the description tells of this answer: its status, its type and what is in it. */
  check(id, { status, headers, text }) {
    const operation = this.operations.get(id);
    const told = this.resolve(operation.responses[status]);
    assert.ok(told, `${id}: ${status} is not described; ${text.slice(0, 300)}`);
    operation.exercised++;
    const type = (headers['content-type'] ?? '').split(';')[0];
    if (!told.content) {
      assert.equal(text, '', `${id} ${status}: a body that is not described`);
      return;
    }
    const content = told.content[type];
    assert.ok(content, `${id} ${status}: ${type} is not described`);
    for (const [name, header] of Object.entries(told.headers ?? {})) {
      const value = headers[name.toLowerCase()];
      if (header.required) assert.ok(value !== undefined, `${id} ${status}: no ${name}`);
    }
    if (type.endsWith('json')) this.#hold(content.schema, JSON.parse(text), `${id} ${status}`);
  }
}
