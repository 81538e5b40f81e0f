import assert from 'node:assert/strict';
import test from 'node:test';
import { addressIn } from '../../../assets/js/tray/address.js';

test('the address of a picture or clip is offered, and any that stands alone', () => {
  assert.equal(addressIn('What is https://example.org/a/boat.PNG?size=1 about?'), 'https://example.org/a/boat.PNG?size=1');
  assert.equal(addressIn(' http://example.org/photos/42\n'), 'http://example.org/photos/42');
});

test('an address that a sentence mentions is no attachment', () => {
  for (const text of ['', 'boat.png', 'see https://example.org/about for more', 'ftp://example.org/a.png', 'http://[ what?'])
    assert.equal(addressIn(text), '');
});
