// Where typing goes on when what had the focus is gone.
import * as composer from './composer.js';
import { one, within } from '../page/parts.js';

const GONE_MS = 3000; // for the server's answer to a press

/** A press by keyboard, or one on Send or Stop, never leaves the focus nowhere. */
export function keepFocus() {
  document.addEventListener('click', (event) => {
    // A click on Stop or Send leaves the focus nowhere, because that button goes away.
    if (within(event, `${composer.STOP}, ${composer.SEND}`)) setTimeout(composer.focus, 150);
    // So do others, but not with a mouse or a finger: on a phone the focus would bring up its keyboard.
    else if (event.isTrusted && event.detail === 0) giveBack(Date.now() + GONE_MS);
  }, true);
}

/** The link at the top of the page. The address stays as it is: it says which view is seen. */
export function skipToComposer() {
  document.addEventListener('click', (event) => {
    if (!within(event, '#top a')) return;
    event.preventDefault();
    composer.focus();
  });
}

// What was pressed by keyboard may go away when the server has answered: then typing goes on in the composer.
function giveBack(until) {
  const lost = document.activeElement === document.body && !one('dialog[open]');
  if (lost) composer.focus();
  else if (Date.now() < until) setTimeout(giveBack, 100, until);
}
