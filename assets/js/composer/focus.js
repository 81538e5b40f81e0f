// Moves the focus to the composer when the focused element is gone.
import * as composer from './composer.js';
import { $, within } from '../page/parts.js';

const GONE_MS = 3000; // in which the server's answer may remove the pressed button

/** After a press by keyboard, or on Send or Stop, the focus is never lost. */
export function keepFocus() {
  document.addEventListener('click', (event) => {
    // Gradio removes these two buttons when they are pressed.
    if (within(event, `${composer.STOP}, ${composer.SEND}`)) setTimeout(composer.focus, 150);
    // Others not when pressed by a finger: on a phone, the focus would open the on-screen keyboard.
    else if (event.isTrusted && (event.detail === 0 || event.pointerType === 'mouse' && within(event, 'button'))) giveBack(Date.now() + GONE_MS);
  }, true);
}

/** The skip link at the top of the page. It does not change the address, whose hash names the view. */
export function skipToComposer() {
  document.addEventListener('click', (event) => {
    if (!within(event, '#top a')) return;
    event.preventDefault();
    composer.focus();
  });
}

// Until then, give the focus to the composer as soon as it is lost.
function giveBack(until) {
  const lost = document.activeElement === document.body && !$('dialog[open]');
  if (lost) composer.focus();
  else if (Date.now() < until) setTimeout(giveBack, 100, until);
}
