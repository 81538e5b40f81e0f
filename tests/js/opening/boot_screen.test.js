import assert from 'node:assert/strict';
import test from 'node:test';
import { endLoop } from '../../../assets/js/opening/boot_screen.js';

test('one frame of the boot screen is left out when the page is there, and nobody else\'s', () => {
  const asked = [];
  const frame = (callback) => asked.push(callback);
  const target = { requestAnimationFrame: frame };
  let there = false;
  endLoop(target, () => there);
  const loop = () => () => performance.now() / 1e3;
  const others = () => performance.now();
  target.requestAnimationFrame(loop());
  assert.equal(asked.length, 1);
  there = true;
  target.requestAnimationFrame(others);
  assert.equal(asked.length, 2);
  assert.equal(target.requestAnimationFrame(loop()), 0);
  assert.equal(asked.length, 2);
  assert.equal(target.requestAnimationFrame, frame, 'the browser has its own back');
});
