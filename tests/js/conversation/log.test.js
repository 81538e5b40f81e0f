import assert from 'node:assert/strict';
import test from 'node:test';
import * as log from '../../../assets/js/conversation/log.js';

const says = (role, text) => ({ role, content: [{ type: 'text', text }] });
const [asked, reply, more, last] = [says('user', 'a'), says('assistant', 'b'), says('user', 'c'), says('assistant', 'd')];
const answer = (text) => ({ text, places: [text] });

test('what is new is put to what there is', () => {
  const all = log.completed({ version: 1, before: 0, kept: 0, messages: [asked, reply], answers: [answer('b')] }, []);
  assert.deepEqual(all, [asked, reply]);
  const rest = { version: 2, before: 1, kept: 2, messages: [more, last], answers: [answer('d')] };
  const both = log.completed(rest, all);
  assert.deepEqual(both, [asked, reply, more, last]);
  assert.equal(both[0], asked);
  assert.deepEqual([log.texts(), log.places()], [['b', 'd'], [['b'], ['d']]]);
  assert.equal(log.completed(rest, both), both, 'once');
});

test('an answer that is drawn again takes the place of the one before', () => {
  const rest = { version: 3, before: 2, kept: 3, messages: [says('assistant', 'e')], answers: [answer('e')] };
  assert.equal(log.completed(rest, [asked, reply, more, last]).length, 4);
  assert.deepEqual(log.texts(), ['b', 'e']);
});

test('the rest of something else is not put to it, and all of it is', () => {
  assert.equal(log.completed({ version: 9, before: 8, kept: 2, messages: [], answers: [] }, [asked, reply]), null);
  assert.deepEqual(log.texts(), ['b', 'e']);
  assert.deepEqual(log.completed({ version: 10, before: 9, kept: 0, messages: [], answers: [] }, [asked]), []);
  assert.deepEqual(log.texts(), []);
});
