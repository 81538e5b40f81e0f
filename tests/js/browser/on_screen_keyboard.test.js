import assert from 'node:assert/strict';
import test from 'node:test';
import { heightAbove, whenItChanges } from '../../../assets/js/browser/on_screen_keyboard.js';

const seen = (height, scale = 1) => ({ innerHeight: 800, visualViewport: Object.assign(new EventTarget(), { height, scale }) });

test('what a keyboard leaves is told, and neither a smaller bar nor a closer look is one', () => {
  assert.equal(heightAbove(seen(460)), 460);
  assert.equal(heightAbove(seen(740)), 0);
  assert.equal(heightAbove(seen(400, 2)), 0);
  assert.equal(heightAbove({ innerHeight: 800, visualViewport: null }), 0);
});

test('each change is told once', () => {
  const [window, told] = [seen(800), []];
  whenItChanges(window, (height) => told.push(height));
  for (const height of [800, 460, 460, 800]) {
    window.visualViewport.height = height;
    window.visualViewport.dispatchEvent(new Event('resize'));
  }
  assert.deepEqual(told, [460, 0]);
});
