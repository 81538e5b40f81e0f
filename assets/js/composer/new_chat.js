// New chat, and for a while the way back.
import * as composer from './composer.js';
import { send } from '../page/elements.js';
import { $, ANY_CHANGE, within } from '../page/parts.js';

const OFFERED_MS = 10_000; // as `cleared` in ui/text says; less than the server keeps what was cleared

let draft = ''; // the text that the composer held
let rewritten = ''; // that of the edit box

/** Give up the draft's text. */
export function clearText() {
  draft = $(composer.FIELD).value;
  rewritten = $(composer.EDIT_FIELD).value;
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
  composer.write(rewritten, composer.EDIT_FIELD); // shown if the server says that a message is being rewritten
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
