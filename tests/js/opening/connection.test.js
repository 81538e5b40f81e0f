import assert from 'node:assert/strict';
import test from 'node:test';
import { unreachable } from '../../../assets/js/opening/connection.js';

const EVENT = 'http://127.0.0.1:7860/gradio_api/run/predict?';

test('a request that fails says that the server is out of reach', () => {
  assert.equal(unreachable(EVENT, new TypeError('Failed to fetch')), true);
});

test('a request that was given up, or goes elsewhere, says nothing', () => {
  assert.equal(unreachable(EVENT, new DOMException('left', 'AbortError')), false);
  assert.equal(unreachable('https://example.org/font.woff', new TypeError('Failed to fetch')), false);
});
