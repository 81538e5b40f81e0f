import assert from 'node:assert/strict';
import test from 'node:test';
import { mount, send, whenMounted } from '../../../assets/js/page/elements.js';

test('what is sent before the element is there is sent when it is', () => {
  const sent = [];
  send('late', 'select', { turn: 1 });
  mount('late', 'an element', (...event) => sent.push(event));
  send('late', 'stop');
  assert.deepEqual(sent, [['select', { turn: 1 }], ['stop']]);
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
