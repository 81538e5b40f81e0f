import assert from 'node:assert/strict';
import { test } from 'node:test';

import { position, valueAt } from '../../../assets/js/settings/log_sliders.js';

test('a slider moves evenly in ratios, and every value is found again', () => {
  assert.deepEqual([0, 0.5, 1].map((place) => valueAt(place, 4, 16384)), [4, 256, 16384]);
  for (const value of [4, 5, 100, 1280, 16384]) assert.equal(valueAt(position(value, 4, 16384), 4, 16384), value);
});

test('a slider without a range stays where it is', () => {
  assert.deepEqual([position(4, 4, 4), valueAt(0, 4, 4)], [0, 4]);
});
