import assert from 'node:assert/strict';
import test from 'node:test';
import { length } from '../../../assets/js/composer/text_limit.js';

test('what is selected makes room for what is pasted', () => {
  assert.equal(length({ value: '12345', selectionStart: 5, selectionEnd: 5 }, '678'), 8);
  assert.equal(length({ value: '12345', selectionStart: 1, selectionEnd: 4 }, '6'), 3);
});
