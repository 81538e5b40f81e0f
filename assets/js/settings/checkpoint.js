// The choice of a checkpoint, where there are several (ui/html/bar/checkpoint.py).
import { send, whenMounted } from '../page/elements.js';

export function start() {
  whenMounted('checkpoint', (element) => {
    element.addEventListener('change', (event) => send('checkpoint', 'choose', { name: event.target.value }));
  });
}
