// Questions that an empty page offers.
import { tell, whenMounted } from '../page/elements.js';

function press(event) {
  const example = event.target.closest('button[data-example]');
  if (example) tell('examples', 'select', { example: Number(example.dataset.example) });
}

export function start() {
  whenMounted('examples', (element) => element.addEventListener('click', press));
}
