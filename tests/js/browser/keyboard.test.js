import assert from 'node:assert/strict';
import test from 'node:test';
import { composing, leaves, sends } from '../../../assets/js/browser/keyboard.js';

const pressed = (key, more = {}) => ({ key, keyCode: 13, shiftKey: false, isComposing: false, defaultPrevented: false, ...more });

test('Enter sends, Shift and Enter begins a line, other keys send nothing', () => {
  assert.equal(sends(pressed('Enter')), true);
  assert.equal(sends(pressed('Enter', { shiftKey: true })), false);
  assert.equal(sends(pressed('a')), false);
});

test('Enter that confirms an input method sends nothing, in the order of any browser', () => {
  const chromium = pressed('Process', { keyCode: 229, isComposing: true });
  const firefox = pressed('Enter', { keyCode: 229, isComposing: true });
  const safari = pressed('Enter', { keyCode: 229 });
  for (const event of [chromium, firefox, safari]) {
    assert.equal(composing(event), true);
    assert.equal(sends(event), false);
  }
});

test('Escape leaves, unless it leaves an input method or somebody has taken it', () => {
  assert.equal(leaves(pressed('Escape', { keyCode: 27 })), true);
  assert.equal(leaves(pressed('Escape', { keyCode: 229 })), false);
  assert.equal(leaves(pressed('Escape', { isComposing: true })), false);
  assert.equal(leaves(pressed('Escape', { defaultPrevented: true })), false);
});
