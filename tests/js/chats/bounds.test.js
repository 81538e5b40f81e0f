import assert from 'node:assert/strict';
import test from 'node:test';
import { allowed, MAX_BYTES, place, surplus, unneeded } from '../../../assets/js/chats/bounds.js';

const chat = (id, at, ...media) => ({ id, at, bytes: 1, media: media.map(([hash, bytes]) => ({ hash, bytes })) });
const record = (id, state, stamp = 's', owner = '') => ({ id, state, stamp, owner });

test('the oldest chats go when there are too many', () => {
  const all = [chat('new', 3), chat('old', 1), chat('middle', 2)];
  assert.deepEqual(surplus(all, 'new', { chats: 2 }), ['old']);
  assert.deepEqual(surplus(all, 'new', { chats: 3 }), []);
});

test('a chat that has just been continued stays, however old it was', () => {
  assert.deepEqual(surplus([chat('a', 1), chat('b', 2), chat('c', 3)], 'a', { chats: 2 }), ['b']);
});

test('the oldest chats go when they are too large, and files that several have count once', () => {
  const shared = ['same', 60];
  const all = [chat('new', 3, shared), chat('middle', 2, shared), chat('old', 1, ['other', 60])];
  assert.deepEqual(surplus(all, 'new', { bytes: 100 }), ['old']);
  assert.deepEqual(surplus(all, 'new', { bytes: 130 }), []);
});

test('a chat that alone is too large does not fit, and nothing goes for it that is named before it', () => {
  assert.deepEqual(surplus([chat('huge', 2, ['h', 200]), chat('old', 1)], 'huge', { bytes: 100 })[0], 'huge');
});

test('files are kept as long as one chat has them', () => {
  assert.deepEqual(unneeded(['a', 'b'], [chat('x', 1, ['a', 1])]), ['b']);
});

test('at most half of what the browser gives is taken', () => {
  assert.equal(allowed(2 ** 20), 2 ** 19);
  assert.equal(allowed(2 ** 40), MAX_BYTES);
  assert.equal(allowed(undefined), MAX_BYTES);
});

test('a conversation that goes on replaces its record', () => {
  assert.deepEqual(place(record('a', 'longer'), { stamp: 's', state: 'short' }, [record('a', 'short')], 'fresh'), ['a', true]);
});

test('a conversation that has gone on in two tabs is kept twice', () => {
  assert.deepEqual(place(record('a', 'here'), { stamp: 'before', state: 'once' }, [record('a', 'there', 'after')], 'fresh'), ['fresh', true]);
});

test('a conversation that is kept already is not written again, under whatever id it comes', () => {
  assert.deepEqual(place(record('a', 'same'), undefined, [record('a', 'same')], 'fresh'), ['a', false]);
  assert.deepEqual(place(record('b', 'same'), undefined, [record('a', 'same')], 'fresh'), ['a', false]);
});

test('equal conversations of two log-ins are kept for each', () => {
  const all = [record('a', 'same', 's', 'ann')];
  assert.deepEqual(place(record('b', 'same', 's', 'bob'), undefined, all, 'fresh'), ['b', true]);
});

test('a conversation whose record is of another log-in gets a record of its own', () => {
  const all = [record('a', 'short', 's', 'ann')];
  assert.deepEqual(place(record('a', 'longer', 's', 'bob'), { stamp: 's', state: 'short' }, all, 'fresh'), ['fresh', true]);
});

test('a chat that was deleted is kept again when it goes on, and not before', () => {
  const seen = { stamp: 's', state: 'deleted' };
  assert.equal(place(record('a', 'deleted'), seen, [], 'fresh'), null);
  assert.deepEqual(place(record('a', 'longer'), seen, [], 'fresh'), ['a', true]);
});
