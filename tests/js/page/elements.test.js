import assert from 'node:assert/strict';
import test from 'node:test';
import { mount, tell, whenMounted } from '../../../assets/js/page/elements.js';

test('what is told before the element is there is told when it is', () => {
  const told = [];
  tell('late', 'select', { turn: 1 });
  mount('late', 'an element', (...event) => told.push(event));
  tell('late', 'stop');
  assert.deepEqual(told, [['select', { turn: 1 }], ['stop']]);
});

test('whoever waits for an element gets it, early or late, and another one in its place', () => {
  const early = [];
  const late = [];
  whenMounted('form', (element) => early.push(element));
  mount('form', 'first', () => {});
  whenMounted('form', (element) => late.push(element));
  mount('form', 'second', () => {});
  assert.deepEqual([early, late], [['first', 'second'], ['first', 'second']]);
});
