import assert from 'node:assert/strict';
import test from 'node:test';
import { draw, whenDrawn } from '../../../assets/js/conversation/conversation.js';
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
