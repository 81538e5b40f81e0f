// The choice of a checkpoint, where there are several (ui/html/bar/checkpoint.py).
import { send, whenMounted } from '../page/elements.js';

// Gradio changes attributes in place, which does not change what a menu shows that a person has used.
function show(element) {
  const menu = element.querySelector('select');
  const chosen = element.querySelector('option[selected]');
  if (menu && chosen) menu.value = chosen.value;
}

export function start() {
  whenMounted('checkpoint', (element) => {
    element.addEventListener('change', (event) => send('checkpoint', 'choose', { name: event.target.value }));
    const changes = { childList: true, subtree: true, attributeFilter: ['selected', 'data-drawn'] };
    new MutationObserver(() => show(element)).observe(element, changes);
  });
}
