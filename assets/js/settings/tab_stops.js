// Fewer tab stops. Each control that is left out can be reached in another way.
import { $ } from '../page/parts.js';

// The number field beside a slider sets the same value, and one button below resets all settings.
const LEFT_OUT = '#settings :is(.reset-button, input[type=range])';

function leaveOut() {
  /** @type {NodeListOf<HTMLElement>} */
  const stops = document.querySelectorAll(LEFT_OUT);
  for (const stop of stops) if (stop.tabIndex !== -1) stop.tabIndex = -1;
}

/** Call it when the page is ready. */
export function start() {
  new MutationObserver(leaveOut).observe($('#settings'), { childList: true, subtree: true });
  leaveOut();
}
