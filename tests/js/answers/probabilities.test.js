import assert from 'node:assert/strict';
import test from 'node:test';
import { percent } from '../../../assets/js/answers/probabilities.js';

test('a share is told in whole per cent, and what is hardly possible as less than one', () => {
  assert.deepEqual([1, 0.996, 0.5, 0.0149, 0.0099, 0].map(percent), ['100 %', '100 %', '50 %', '1 %', '<1 %', '<1 %']);
});
