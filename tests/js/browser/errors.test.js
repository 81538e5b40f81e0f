import assert from 'node:assert/strict';
import test from 'node:test';
import { broke, watchErrors } from '../../../assets/js/browser/errors.js';

const thrown = (error, more = {}) => ({ error, message: `Uncaught ${error}`, filename: 'http://127.0.0.1:7860/js/main.js', ...more });
const refused = (reason) => ({ reason });

test('a mishap in a script of the page is one, thrown or in a promise', () => {
  const mishap = new TypeError('nothing is undefined');
  assert.equal(broke(thrown(mishap)), true);
  assert.equal(broke(refused(mishap)), true);
  assert.equal(broke(refused('a text')), true);
  assert.equal(broke(refused(undefined)), true);
  assert.equal(broke(thrown(new Error('Failed to fetch the third item'))), true);
});

test('what a lost network does to a request is none, in the words of any browser', () => {
  const chromium = new TypeError('Failed to fetch');
  const firefox = new TypeError('NetworkError when attempting to fetch resource.');
  const safari = new TypeError('Load failed');
  const gradio = new Error('Connection errored out. Failed to fetch');
  for (const error of [chromium, firefox, safari, gradio]) {
    assert.equal(broke(refused(error)), false, error.message);
    assert.equal(broke(thrown(error)), false, error.message);
    assert.equal(broke({ message: `Uncaught (in promise) ${error}` }), false, error.message);
  }
});

test('what was ended on purpose is none, and neither are layouts, other sites and extensions', () => {
  assert.equal(broke(refused(new DOMException('The user aborted a request.', 'AbortError'))), false);
  assert.equal(broke({ message: 'ResizeObserver loop completed with undelivered notifications.' }), false);
  assert.equal(broke({ message: 'Script error.', filename: '' }), false);
  const extension = { filename: 'moz-extension://a/content.js' };
  assert.equal(broke(thrown(new Error('no tab'), extension)), false);
});

test('each mishap is told, and nothing else', () => {
  const page = new EventTarget();
  let told = 0;
  watchErrors(page, () => { told += 1; });
  const happens = (kind, what) => page.dispatchEvent(Object.assign(new Event(kind), what));
  happens('error', thrown(new Error('one')));
  happens('unhandledrejection', refused(new Error('two')));
  happens('unhandledrejection', refused(new TypeError('Failed to fetch')));
  assert.equal(told, 2);
});
