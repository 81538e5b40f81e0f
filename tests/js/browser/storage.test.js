import assert from 'node:assert/strict';
import test from 'node:test';
import { store, whenRefused } from '../../../assets/js/browser/storage.js';

// The module as on a page of its own.
const anew = (page) => import(`../../../assets/js/browser/storage.js?${page}`);

// A browser's store: `refusal` is thrown at whoever writes.
function browsers(entries = {}, refusal = null) {
  const kept = new Map(Object.entries(entries));
  return {
    kept,
    get length() { return kept.size; },
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => { if (refusal) throw refusal; kept.set(name, String(value)); },
  };
}
const named = (name) => Object.assign(new Error(name), { name });
const told = [];
whenRefused((why) => told.push(why));

test('a store that is refused is told before anything is written', async () => {
  const first = await anew('read-only');
  const heard = [];
  first.whenRefused((why) => heard.push(why));
  const kept = first.store(() => { throw named('SecurityError'); });
  assert.deepEqual([kept.get('key'), heard], [null, ['blocked']]);
});

test('a store that has no room for anything is a refused one', async () => {
  const first = await anew('no-room');
  const heard = [];
  first.whenRefused((why) => heard.push(why));
  first.store(() => browsers({}, named('QuotaExceededError'))).set('key', 7);
  assert.deepEqual(heard, ['blocked']);
});

test('a store that cannot be read has nothing', () => {
  const broken = { ...browsers(), getItem: () => { throw named('SecurityError'); } };
  assert.equal(store(() => broken).get('key'), null);
});

test('what the browser keeps is read and written there', () => {
  const own = browsers({ before: 'a' });
  const kept = store(() => own);
  kept.set('after', 'b');
  assert.deepEqual([kept.get('before'), kept.get('after'), kept.get('never')], ['a', 'b', null]);
  assert.equal(own.kept.get('after'), 'b');
});

test('a full store keeps what it had, memory holds the rest, and it is told once', () => {
  told.length = 0;
  const kept = store(() => browsers({ before: 'a' }, named('QuotaExceededError')));
  kept.set('draft', 'long');
  kept.set('draft', 'longer');
  assert.deepEqual([kept.get('before'), kept.get('draft')], ['a', 'longer']);
  assert.deepEqual(told, ['full']);
});

test('what fits again is in the store alone', () => {
  const own = browsers({ before: 'a' });
  const write = own.setItem;
  own.setItem = () => { throw named('QuotaExceededError'); };
  const kept = store(() => own);
  kept.set('draft', 'long');
  own.setItem = write;
  kept.set('draft', 'short');
  own.kept.clear();
  assert.equal(kept.get('draft'), null);
});

test('a store that is refused is memory', () => {
  for (const open of [() => { throw named('SecurityError'); }, () => null, () => undefined, () => browsers({}, named('SecurityError')), () => browsers({}, named('QuotaExceededError'))]) {
    const kept = store(open);
    assert.equal(kept.get('key'), null);
    kept.set('key', 7);
    assert.equal(kept.get('key'), '7');
  }
  const late = [];
  whenRefused((why) => late.push(why));
  assert.ok(late.includes('blocked'), 'who asks later is told as well');
});
