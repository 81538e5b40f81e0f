// New chat, and for a while the way back.
import * as composer from './composer.js';
import { send } from '../page/elements.js';
import { $, ANY_CHANGE, within } from '../page/parts.js';

const OFFERED_MS = 10_000; // less than the server keeps what was cleared

let draft = ''; // the text that the composer held

/** Give up the draft's text. */
export function clearText() {
  draft = $(composer.FIELD).value;
  composer.write('');
}

const offer = () => $('#notice p:not([hidden]):has([data-undo-clear])');

function withdraw() {
  const offered = offer();
  if (offered) offered.hidden = true;
}

function undo(event) {
  if (!within(event, '[data-undo-clear]')) return;
  withdraw();
  composer.giveBack(draft);
  send('turns', 'undo_clear');
}

/** Call it when the page is ready. */
export function start() {
  let timer = 0;
  new MutationObserver(() => {
    clearTimeout(timer);
    if (offer()) timer = setTimeout(withdraw, OFFERED_MS);
  }).observe($('#notice'), ANY_CHANGE);
  $('#notice').addEventListener('click', undo);
}
