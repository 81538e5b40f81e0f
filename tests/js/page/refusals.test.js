import assert from 'node:assert/strict';
import test from 'node:test';
import { told } from '../../../assets/js/page/refusals.js';

test('what a handler says is told as it is', () => {
  assert.deepEqual(told(422, '{"error":"Attach it again."}'), ['refusedBecause', { reason: 'Attach it again.' }]);
});

test('what is said to programs, or by a proxy, is told by its status', () => {
  for (const [status, body] of [[422, '{"error":"No.","detail":"No."}'], [502, '<html>'], [500, '{"error":null}'], [413, '']])
    assert.deepEqual(told(status, body), ['refused', { status }]);
});

test('who is logged out is told how to come back', () => {
  assert.deepEqual(told(401, '{"error":"Not authenticated","detail":"Not authenticated"}'), ['loggedOut', {}]);
});
