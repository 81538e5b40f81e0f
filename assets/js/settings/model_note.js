// A note about the model stands below the bar until the person puts it away. Another note is shown again.
import { $, ANY_CHANGE, within } from '../page/parts.js';
import { local } from '../browser/storage.js';

const DISMISSED = 'qwen-vl-chat-note'; // what it said, in whatever language

const note = () => $('#model-banner .note:has(button)');
const words = () => $('#model-banner .note span').textContent;

function hide() {
  const there = note();
  if (there && !there.hidden && local.get(DISMISSED) === words()) there.hidden = true; // each change calls this again
}

/** Call it when the page is ready. */
export function start() {
  $('#model-banner').addEventListener('click', (event) => {
    if (!within(event, '.note button')) return;
    local.set(DISMISSED, words());
    hide();
  });
  new MutationObserver(hide).observe($('#model-banner'), ANY_CHANGE);
  hide();
}
