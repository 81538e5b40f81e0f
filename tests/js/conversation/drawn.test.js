import assert from 'node:assert/strict';
import test from 'node:test';
import * as drawn from '../../../assets/js/conversation/drawn.js';

const says = (role, text) => ({ role, content: [{ type: 'text', text }] });
const [asked, reply, more, last] = [says('user', 'a'), says('assistant', 'b'), says('user', 'c'), says('assistant', 'd')];
const answer = (text) => ({ text, places: [text] });

test('what is new is put to what there is', () => {
  const all = drawn.completed({ version: 1, before: 0, kept: 0, messages: [asked, reply], answers: [answer('b')], regions: [['r']] }, []);
  assert.deepEqual(all, [asked, reply]);
  const rest = { version: 2, before: 1, kept: 2, messages: [more, last], answers: [answer('d')], regions: [[]] };
  const both = drawn.completed(rest, all);
  assert.deepEqual(both, [asked, reply, more, last]);
  assert.equal(both[0], asked);
  assert.deepEqual([drawn.texts(), drawn.places()], [['b', 'd'], [['b'], ['d']]]);
  assert.equal(drawn.completed(rest, both), both, 'once');
});

test('an answer that is drawn again takes the place of the one before', () => {
  const rest = { version: 3, before: 2, kept: 3, messages: [says('assistant', 'e')], answers: [answer('e')], regions: [] };
  assert.equal(drawn.completed(rest, [asked, reply, more, last]).length, 4);
  assert.deepEqual([drawn.texts(), drawn.regions()], [['b', 'e'], [['r'], []]]);
});

test('the rest of something else is not put to it, and all of it is', () => {
  assert.equal(drawn.completed({ version: 9, before: 8, kept: 2, messages: [], answers: [], regions: [] }, [asked, reply]), null);
  assert.deepEqual(drawn.texts(), ['b', 'e']);
  assert.deepEqual(drawn.completed({ version: 10, before: 9, kept: 0, messages: [], answers: [], regions: [] }, [asked]), []);
  assert.deepEqual(drawn.texts(), []);
});
