// The dialogs that scripts open: a picture, the camera, an item of the tray.
import { $ } from './parts.js';
import { text } from './texts.js';

export function dialog(label, ...children) {
  const made = document.createElement('dialog');
  made.className = 'qwen-vl-chat';
  made.setAttribute('aria-label', label);
  made.append(...children);
  made.addEventListener('close', () => made.remove());
  $('#page').parentElement.append(made); // inside Gradio's container, to which the style sheet is scoped
  made.showModal();
  return made;
}

export function button(label, className, pressed) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = className;
  made.textContent = label;
  made.addEventListener('click', pressed);
  return made;
}

/** Show an element large until the person clicks beside it. more: elements below it. */
export function enlarge(large, label, ...more) {
  const shown = dialog(label, large, ...more, button(text('close'), 'close', () => shown.close()));
  shown.addEventListener('click', (event) => { if (!large.contains(event.target)) shown.close(); });
}
