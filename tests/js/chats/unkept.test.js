import assert from 'node:assert/strict';
import test from 'node:test';

const stores = () => {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), get length() { return kept.size; } };
};
Object.assign(globalThis, { localStorage: stores(), sessionStorage: stores() });
const { choose, remember } = await import('../../../assets/js/chats/choice.js');
const unkept = await import('../../../assets/js/chats/unkept.js');

const KEYS = 'qwen-vl-chat-key';
const tab = (digit) => sessionStorage.setItem(KEYS, digit.repeat(32));
const left = () => unkept.left().map(([of]) => of[0]);

test('a tab that is closed before its turn is kept leaves a note with where it was kept before', () => {
  tab('a');
  unkept.note();
  tab('b');
  assert.deepEqual(left(), [], 'nothing is to be kept');
  choose('yes');
  tab('a');
  remember('chat', { id: 'record', stamp: 's', state: 'before' });
  unkept.note();
  assert.deepEqual(left(), [], 'it looks after itself');
  tab('b');
  assert.deepEqual(unkept.left(), [['a'.repeat(32), { chat: { id: 'record', stamp: 's', state: 'before' } }]]);
  unkept.settle('a'.repeat(32));
  assert.deepEqual(left(), []);
});

test('who wants nothing kept any more leaves no note', () => {
  choose('yes');
  tab('c');
  unkept.settle();
  unkept.note();
  tab('d');
  assert.deepEqual(left(), ['c']);
  choose('no');
  assert.deepEqual(left(), []);
});
