// The sidebar with the settings is open or closed as the person left it.
import { $, within } from '../page/parts.js';
import { local } from '../browser/storage.js';

const SIDEBAR = 'qwen-vl-chat-sidebar'; // 'open' or 'closed'
const TOGGLE = '#settings .toggle-button';
const WIDE_PX = 1200; // of a window with room for the sidebar

export function openAsBefore() {
  const toggle = $(TOGGLE);
  const closed = innerWidth < WIDE_PX || local.get(SIDEBAR) === 'closed';
  if (toggle && !closed && !$('#settings.open')) toggle.click();
}

export function start() {
  document.addEventListener('click', (event) => {
    if (event.isTrusted && within(event, TOGGLE))
      local.set(SIDEBAR, $('#settings.open') ? 'closed' : 'open'); // it is about to change
  }, true);
}
