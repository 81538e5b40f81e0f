// The sidebar with the settings is closed at the first visit, and then as the person left it.
import { $, whenReady, within } from '../page/parts.js';
import { text, whenSaid } from '../page/texts.js';
import { local } from '../browser/storage.js';

const SIDEBAR = 'qwen-vl-chat-sidebar'; // 'open' or 'closed'
const TOGGLE = '#settings .toggle-button';
const WIDE_PX = 1200; // of a window with room for the sidebar

const listeners = [];

/** Call `listener` when the person opens the settings. */
export const whenOpened = (listener) => listeners.push(listener);

/** Whether what is at the side covers the page. */
export const narrow = () => innerWidth < WIDE_PX;

/** Close the settings: something else takes their place. */
export function close() {
  if (!$('#settings.open')) return;
  $(TOGGLE).click();
  local.set(SIDEBAR, 'closed');
}

/** Open the settings: something leads there. */
export function open() {
  if (!$('#settings.open')) $(TOGGLE).click();
}

export function openAsBefore() {
  const toggle = $(TOGGLE);
  const open = !narrow() && local.get(SIDEBAR) === 'open';
  if (toggle && open && !$('#settings.open')) toggle.click();
}

// Gradio names the button in English, whatever it opens. The open settings show it as an x.
function name() {
  const toggle = $(TOGGLE);
  if (!toggle) return;
  const open = Boolean($('#settings.open'));
  toggle.ariaLabel = toggle.title = text(open ? 'close' : 'settingsTitle');
  toggle.ariaExpanded = String(open);
}

export function start() {
  whenReady(() => {
    whenSaid(name);
    new MutationObserver(name).observe($('#settings'), { attributeFilter: ['class'] });
  });
  document.addEventListener('click', (event) => {
    if (!event.isTrusted || !within(event, TOGGLE)) return;
    const opens = !$('#settings.open'); // it is about to change
    local.set(SIDEBAR, opens ? 'open' : 'closed');
    if (opens) for (const listener of listeners) listener();
  }, true);
}
