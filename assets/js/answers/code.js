// The Copy button on each block of code. Gradio's own handler cuts off the indentation of the first line.
import { copy } from '../browser/clipboard.js';

const SHOWN_MS = 1500;

/** Copy code unchanged. */
export function copyCode(page) {
  page.addEventListener('click', async (event) => {
    const button = event.target.closest('.copy_code_button');
    if (!button) return;
    event.stopImmediatePropagation();
    const code = button.parentElement.querySelector('code').textContent.replace(/\n$/, '');
    if (await copy(code)) tick(button.querySelector('.check'));
  }, true);
}

function tick(mark) {
  mark.style.opacity = 1;
  setTimeout(() => { mark.style.opacity = 0; }, SHOWN_MS);
}
