import assert from 'node:assert/strict';
import { test } from 'node:test';

import { levelOf, tokensOf } from '../../../assets/js/settings/detail.js';

const LEVELS = { low: 256, medium: 640, high: 1280, original: null };

test('a level is so many tokens, and the highest as many as the checkpoint takes', () => {
  assert.deepEqual(Object.keys(LEVELS).map((level) => tokensOf(level, LEVELS, 16384)), [256, 640, 1280, 16384]);
  assert.deepEqual(Object.keys(LEVELS).map((level) => tokensOf(level, LEVELS, undefined)), [256, 640, 1280, 16384]);
  assert.deepEqual(Object.keys(LEVELS).map((level) => tokensOf(level, LEVELS, 400)), [256, 400, 400, 400]);
});

test('a number of tokens is shown as its level, and any other as none', () => {
  for (const level of Object.keys(LEVELS)) assert.equal(levelOf(tokensOf(level, LEVELS, 16384), LEVELS, 16384), level);
  assert.equal(levelOf(1000, LEVELS, 16384), null);
  assert.equal(levelOf(400, LEVELS, 400), 'high');
});
