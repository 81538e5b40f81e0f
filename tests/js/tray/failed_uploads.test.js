import assert from 'node:assert/strict';
import test from 'node:test';
import * as failedUploads from '../../../assets/js/tray/failed_uploads.js';
import { PageDocument } from '../document.js';

const boat = /** @type {any} */ ({ name: 'boat.png', size: 2 ** 20 });

test('what fails before the page has its key has a card, and is sent again, as soon as it has', async () => {
  const browser = /** @type {any} */ (globalThis);
  browser.document = new PageDocument('#composer', '#page-texts', '#page-texts [data-copied]');
  browser.MutationObserver = class { observe() { /* one language is enough */ } };
  browser.document.querySelector('#page-texts [data-copied]').dataset = { uploadConnection: '{name} did not arrive', tryAgain: 'Try again' };
  failedUploads.failed(boat, { reason: 'connection' });

  const sent = [];
  await failedUploads.start({ tab: 'a', limit: 0, again: (file) => sent.push(file) });

  const list = browser.document.querySelector('#failed-uploads');
  const [said, again] = list.children[0].children;
  assert.equal(said.textContent, 'boat.png did not arrive');
  again.click();
  assert.deepEqual(sent, [boat]);
  assert.deepEqual(list.children, []);
});
