// The example questions of an empty page.
import { send, whenMounted } from '../page/elements.js';

function press(event) {
  const example = event.target.closest('button[data-example]');
  if (example) send('examples', 'ask', { example: example.dataset.example });
}

export function start() {
  whenMounted('examples', (element) => element.addEventListener('click', press));
}
