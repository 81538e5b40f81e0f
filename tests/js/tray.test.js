import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import * as keyboard from '../../assets/js/keyboard.js';
import { PageDocument } from './document.js';

const SCRIPT = fs.readFileSync(new URL('../../assets/tray.js', import.meta.url), 'utf-8');
const refuse = () => Promise.reject(Object.assign(new Error('gone'), { reason: 'connection' }));

// Runs the script as Gradio does.
function start(modules, known = Promise.resolve()) {
  const none = { leaves: () => {}, arrived: () => {} };
  globalThis.document = new PageDocument('#composer', '#composer [data-testid=submit-button]');
  const one = (selector) => document.querySelector(selector);
  globalThis.qwenVlChat = { one, text: () => '', whenReady: () => {}, owned: Promise.resolve(), known };
  globalThis.qwenVlModules = { clipboard: {}, keyboard, ...modules, failedUploads: { ...none, ...modules.failedUploads } };
  new Function('element', 'trigger', SCRIPT)(document.createElement('div'), () => {});
}

// Whether Enter in the composer is held back until the files are there.
function heldBack() {
  const pressed = Object.assign(new Event('keydown', { cancelable: true }), { key: 'Enter', keyCode: 13 });
  Object.defineProperty(pressed, 'target', { value: { matches: () => true } });
  document.dispatchEvent(pressed);
  return pressed.defaultPrevented;
}

test('Enter waits for a file that is on its way, and no longer for one that failed', async () => {
  const failures = [];
  start({ upload: refuse, failedUploads: { failed: (file) => failures.push(file) } });
  const added = qwenVlChat.attach(['a file']);
  assert.equal(heldBack(), true);
  await added;
  assert.deepEqual([failures, heldBack()], [['a file'], false]);
});

test('a failure that cannot be shown holds nothing back', async () => {
  start({ upload: refuse, failedUploads: { failed: () => { throw new Error('no card'); } } });
  await assert.rejects(qwenVlChat.attach(['a file']), /no card/);
  assert.equal(heldBack(), false);
  assert.equal(document.querySelector('#uploading'), null);
});

test('what is sent before the server knows the page is sent when it does', async () => {
  let isKnown;
  const known = new Promise((resolve) => { isKnown = resolve; });
  start({}, known);
  let sent = 0;
  document.querySelector('#composer [data-testid=submit-button]').addEventListener('click', () => { sent += 1; });
  assert.deepEqual([heldBack(), sent], [true, 0]);
  isKnown();
  await known;
  assert.deepEqual([heldBack(), sent], [false, 1]);
});
