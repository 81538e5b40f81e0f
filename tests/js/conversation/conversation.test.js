import assert from 'node:assert/strict';
import test from 'node:test';
import { draw, hasFile, whenDrawn } from '../../../assets/js/conversation/conversation.js';
import { PageDocument } from '../document.js';

const EMPTY = JSON.stringify({ version: 1, kept: 0, messages: [], answers: [], regions: [], answering: true });

test('whoever waits for the conversation is told of each change, and of one that came before', () => {
  Object.assign(globalThis, { document: new PageDocument('#page', '#live') });
  const told = [];
  whenDrawn(() => told.push('early'));
  draw('', [], '');
  assert.deepEqual(told, []);
  draw(EMPTY, [], '');
  whenDrawn(() => told.push('late'));
  assert.deepEqual(told, ['early', 'late']);
  draw(EMPTY, [], '');
  assert.deepEqual(told, ['early', 'late', 'early', 'late']);
});

test('a message has a file when a part of it is one', () => {
  assert.ok(hasFile({ content: [{ type: 'text', text: 'a' }, { type: 'file', file: { path: '/a.png' } }] }));
  assert.ok(!hasFile({ content: [{ type: 'text', text: 'a' }] }));
  assert.ok(!hasFile({ content: 'a' }));
});
