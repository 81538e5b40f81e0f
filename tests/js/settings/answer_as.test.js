import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choiceOf, fieldsOf, schemaOf } from '../../../assets/js/settings/answer_as.js';

const READY = { any: '{}', pair: '{"type":"array","maxItems":2}' };

test('fields become a schema and come back, the nameless left out', () => {
  const fields = ['text', 'number', 'whole', 'yes', 'date', 'list'].map((type, i) => [`field ${i}`, type]);
  assert.deepEqual(fieldsOf(schemaOf([...fields, [' ', 'text']])), fields);
  assert.deepEqual(JSON.parse(schemaOf(fields)).required, fields.map(([name]) => name));
  assert.deepEqual(fieldsOf(schemaOf([])), []);
});

test('another schema is no list of fields', () => {
  for (const schema of ['', 'no JSON', '{}', '[]', 'null', READY.pair, '{"type":"object","properties":{"a":{"type":"string"}}}']) {
    assert.equal(fieldsOf(schema), null);
  }
});

test('a schema is the choice that it stands for, however it is spaced', () => {
  const said = [' ', '{ }', '{"type": "array",\n "maxItems": 2}', '{"type":"null"}', '{"cut'];
  assert.deepEqual(said.map((schema) => choiceOf(schema, READY)), ['', 'any', 'pair', 'own', 'own']);
});
