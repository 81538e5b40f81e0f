// The sidebar with the settings is open or closed as the person left it.
import { one, within } from '../page/parts.js';
import { local } from '../browser/storage.js';

const SIDEBAR = 'qwen-vl-chat-sidebar'; // 'open' or 'closed'
const TOGGLE = '#settings .toggle-button';
const WIDE_PX = 1200; // of a window with room for the sidebar

export function openAsBefore() {
  const toggle = one(TOGGLE);
  const closed = innerWidth < WIDE_PX || local.get(SIDEBAR) === 'closed';
  if (toggle && !closed && !one('#settings.open')) toggle.click();
}

export function start() {
  document.addEventListener('click', (event) => {
    if (event.isTrusted && within(event, TOGGLE))
      local.set(SIDEBAR, one('#settings.open') ? 'closed' : 'open'); // it is about to change
  }, true);
}
